#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fake_state.h"

// cudaDataType.
enum { R_32F = 0, R_16F = 2, R_16BF = 14 };

typedef struct {
  int compute, scale, transposes_a, transposes_b;
  unsigned epilogue;
  const void *bias;
} description;

typedef struct {
  int type;
  uint64_t rows, columns;
  int64_t stride;
} layout;

// The library's struct, with the layout of its header.
typedef struct {
  uint64_t algorithm[8];
  size_t workspace;
  int status;
  float waves;
  int reserved[4];
} choice;

// MARK: Half-precision floats

static float from_half(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float value = exponent == 0    ? mantissa * 0x1p-24f
                : exponent == 31 ? (mantissa ? __builtin_nanf("") : __builtin_inff())
                                 : (1 + mantissa * 0x1p-10f) * __builtin_ldexpf(1, exponent - 15);
  return bits >> 15 ? -value : value;
}
static uint16_t to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  uint16_t sign = bits >> 16 & 0x8000;
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return sign | 0x7e00;
  if (bits >= 0x477ff000) return sign | 0x7c00;
  if (bits < 0x38800000) {
    // Subnormals are multiples of 2^-24.
    float scaled = __builtin_fabsf(value) * 0x1p24f;
    return sign | (uint16_t)__builtin_rintf(scaled);
  }
  uint32_t rounded = bits + 0xfff + (bits >> 13 & 1);
  return sign | (uint16_t)((rounded - 0x38000000) >> 13);
}
static float load(const void *address, int type, size_t i) {
  if (type == R_32F) return ((const float *)address)[i];
  uint16_t bits = ((const uint16_t *)address)[i];
  if (type == R_16F) return from_half(bits);
  uint32_t wide = (uint32_t)bits << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}
static void store(void *address, int type, size_t i, float value) {
  if (type == R_32F) { ((float *)address)[i] = value; return; }
  if (type == R_16F) { ((uint16_t *)address)[i] = to_half(value); return; }
  uint32_t bits;
  memcpy(&bits, &value, 4);
  ((uint16_t *)address)[i] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// MARK: Descriptors

static size_t library_version(void) { return behavior.cublaslt_version; }
static int create(void **library) {
  *library = malloc(1);
  counts.libraries++;
  return 0;
}
static int destroy(void *library) { free(library); counts.libraries--; return 0; }

static int description_create(void **result, int compute, int scale) {
  if ((compute != 68 && compute != 77) || scale != R_32F) return 7;
  description *d = calloc(1, sizeof(description));
  d->compute = compute;
  d->epilogue = 1;
  *result = d;
  counts.descriptions++;
  return 0;
}
static int any_destroy(void *object) { free(object); counts.descriptions--; return 0; }
static int description_set(void *object, int attribute, const void *value, size_t bytes) {
  description *d = object;
  switch (attribute) {
    case 3: if (bytes != 4) return 7; memcpy(&d->transposes_a, value, 4); return 0;
    case 4: if (bytes != 4) return 7; memcpy(&d->transposes_b, value, 4); return 0;
    case 7: if (bytes != 4) return 7; memcpy(&d->epilogue, value, 4); return 0;
    case 8: if (bytes != 8) return 7; memcpy(&d->bias, value, 8); return 0;
  }
  return 7;
}
static int layout_create(void **result, int type, uint64_t rows, uint64_t columns, int64_t stride) {
  if (stride < (int64_t)rows) return 7;
  layout *l = malloc(sizeof(layout));
  *l = (layout){type, rows, columns, stride};
  *result = l;
  counts.descriptions++;
  return 0;
}
static int preference_create(void **result) {
  *result = calloc(1, 8);
  counts.descriptions++;
  return 0;
}
static int preference_set(void *object, int attribute, const void *value, size_t bytes) {
  switch (attribute) {
    case 1: return bytes == 8 ? 0 : 7;
    case 3: case 5: case 6: case 7: case 8: return bytes == 4 ? 0 : 7;
  }
  return 7;
}

static int fits(const description *d, const layout *a, const layout *b, const layout *out) {
  if (d->transposes_a != 1 || d->transposes_b != 0) return 0;
  if (a->type != b->type || a->rows != b->rows) return 0;
  if (out->rows != a->columns || out->columns != b->columns) return 0;
  if (d->epilogue != 1 && d->epilogue != 4 && (d->epilogue != 36 || behavior.lacks_gelu)) return 0;
  // Products of halves may have half or float results, those of floats only float.
  return out->type == a->type || out->type == R_32F;
}

// Real versions behave differently for a bias without an address.
static int has_bias(const description *d) { return d->epilogue == 1 || d->bias != NULL; }

static int heuristic(
    void *library, void *d, void *a, void *b, void *c, void *out, void *preference, int requested,
    choice *choices, int *count) {
  // The real library may wait or allocate while it searches.
  if (is_capturing) { void_capture(); return 14; }
  counts.searches++;
  if (behavior.suggests_nothing_once) {
    behavior.suggests_nothing_once = 0;
    *count = 0;
    return 0;
  }
  if (!fits(d, a, b, out) || !has_bias(d)) return 15;
  // Two algorithms that work, and between them one that does not.
  *count = requested < 3 ? requested : 3;
  for (int i = 0; i < *count; i++) {
    memset(&choices[i], 0, sizeof(choice));
    choices[i].algorithm[0] = 1000 + i;
    choices[i].status = i == 1 ? 15 : 0;
  }
  return 0;
}
static int check(
    void *library, void *d, void *a, void *b, void *c, void *out, const uint64_t *algorithm,
    choice *result) {
  memset(result, 0, sizeof(choice));
  return has_bias(d) && (algorithm[0] == 1000 || algorithm[0] == 1002) ? 0 : 15;
}

// MARK: GEMM

typedef struct {
  description d;
  layout a, b, out;
  const void *weight, *input, *c;
  void *result;
  float alpha, beta;
} product_payload;

static void run_product(work *item) {
  product_payload *p = (product_payload *)item->payload;
  if (is_lost) return;
  counts.products++;
  counts.activations += p->d.epilogue == 36;
  size_t inner = p->a.rows, outputs = p->a.columns, rows = p->b.columns;
  float *weight = malloc(4 * inner * outputs), *input = malloc(4 * inner);
  for (size_t o = 0; o < outputs; o++) {
    for (size_t k = 0; k < inner; k++) {
      weight[o * inner + k] = load(p->weight, p->a.type, o * p->a.stride + k);
    }
  }
  for (size_t row = 0; row < rows; row++) {
    for (size_t k = 0; k < inner; k++) input[k] = load(p->input, p->b.type, row * p->b.stride + k);
    for (size_t o = 0; o < outputs; o++) {
#pragma clang fp reassociate(on)
      float sum = 0;
      const float *line = weight + o * inner;
      for (size_t k = 0; k < inner; k++) sum += line[k] * input[k];
      sum *= p->alpha;
      if (p->beta != 0) sum += p->beta * load(p->c, p->out.type, row * p->out.stride + o);
      if (p->d.epilogue & 4) sum += load(p->d.bias, p->out.type, o);
      // The library's GELU is the tanh approximation.
      if (p->d.epilogue & 32)
        sum = 0.5f * sum * (1 + tanhf(0.7978845608f * (sum + 0.044715f * sum * sum * sum)));
      store(p->result, p->out.type, row * p->out.stride + o, sum);
    }
  }
  free(weight);
  free(input);
}

static int multiply(
    void *library, void *d, const float *alpha, const void *weight, void *a, const void *input,
    void *b, const float *beta, const void *c, void *c_layout, void *result, void *out,
    const uint64_t *algorithm, void *workspace, size_t workspace_bytes, void *stream) {
  if (!fits(d, a, b, out) || c != result || c_layout != out) return 7;
  if (algorithm[0] != 1000 && algorithm[0] != 1002) return 15;
  product_payload p = {
      *(description *)d, *(layout *)a, *(layout *)b, *(layout *)out, weight, input, c, result,
      *alpha, *beta};
  if (!has_bias(d)) return 7;
  return submit(run_product, &p, sizeof p) == 0 ? 0 : 13;
}

static const char *status_text(int status) {
  return status == 15 ? "CUBLAS_STATUS_NOT_SUPPORTED" : "CUBLAS_STATUS_SOMETHING";
}

#define ENTRY(symbol, function) \
  if (strcmp(name, symbol) == 0) return (void *)function;

void *fake_cublaslt_symbol(const char *name) {
  ENTRY("cublasLtGetVersion", library_version)
  ENTRY("cublasLtCreate", create)
  ENTRY("cublasLtDestroy", destroy)
  ENTRY("cublasLtMatmulDescCreate", description_create)
  ENTRY("cublasLtMatmulDescDestroy", any_destroy)
  ENTRY("cublasLtMatmulDescSetAttribute", description_set)
  ENTRY("cublasLtMatrixLayoutCreate", layout_create)
  ENTRY("cublasLtMatrixLayoutDestroy", any_destroy)
  ENTRY("cublasLtMatmulPreferenceCreate", preference_create)
  ENTRY("cublasLtMatmulPreferenceDestroy", any_destroy)
  ENTRY("cublasLtMatmulPreferenceSetAttribute", preference_set)
  ENTRY("cublasLtMatmulAlgoGetHeuristic", heuristic)
  ENTRY("cublasLtMatmulAlgoCheck", check)
  ENTRY("cublasLtMatmul", multiply)
  ENTRY("cublasLtGetStatusString", status_text)
  return NULL;
}
