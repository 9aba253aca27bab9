// GEMM and row operations of CKernels against plain loops in double precision. It is plain C
// without a test library, to run in an emulator of another architecture (Scripts/arm64-kernels.sh)
// or of instructions that this CPU does not have (Scripts/amx-kernels.sh).
#include "CKernels.h"
#include "amx.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void expect(bool is_right, const char *what, double error) {
  if (is_right) return;
  failures++;
  if (failures <= 20) printf("FAIL %s: off by %g\n", what, error);
}

static _Thread_local uint64_t state = 1;
static float number(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(state >> 11) / 4503599627370496.0 - 1.0);
}

/// Exactly as many bytes as needed, so that AddressSanitizer finds every access beyond them.
static void *bytes(ptrdiff_t count) { return malloc((size_t)count); }

static float *numbers(ptrdiff_t count) {
  float *x = bytes(count * (ptrdiff_t)sizeof *x);
  for (ptrdiff_t i = 0; i < count; i++) x[i] = number();
  return x;
}

static double gelu(double x) { return 0.5 * x * (1 + erf(x * 0.70710678118654752)); }

enum { FLOAT32, BFLOAT16, INT8 };
static const char *const names[] = {"float32", "bfloat16", "int8"};

/// Rows as the GEMM reads them, multiplied by the row's scale.
static double *held(const float *x, ptrdiff_t rows, ptrdiff_t k, int precision) {
  double *out = malloc((size_t)(rows * k) * sizeof *out);
  for (ptrdiff_t row = 0; row < rows; row++) {
    float maximum = 0;
    for (ptrdiff_t i = 0; i < k; i++) maximum = fmaxf(maximum, fabsf(x[row * k + i]));
    for (ptrdiff_t i = row * k; i < (row + 1) * k; i++) {
      out[i] = precision == FLOAT32 ? x[i]
               : precision == BFLOAT16
                   ? lab_round_bfloat16(x[i])
                   : nearbyintf(x[i] * (127.0f / maximum)) * (double)(maximum / 127.0f);
    }
  }
  return out;
}

typedef struct {
  int precision;
  ptrdiff_t rows, columns, k;
  int epilogue;
  bool has_bias;
} product;

/// A matrix and rows in the form that a GEMM of this precision reads.
typedef struct {
  void *packed, *rows;
  float *scales, *scratch;
  /// In bytes.
  ptrdiff_t row_stride;
} operands;

static ptrdiff_t panels_of(int precision, ptrdiff_t columns) {
  return precision == FLOAT32    ? lab_panels(columns)
         : precision == BFLOAT16 ? lab_bfloat16_panels(columns)
                                 : lab_int8_panels(columns);
}

static ptrdiff_t panel_width(int precision) {
  return precision == FLOAT32    ? lab_panel_width()
         : precision == BFLOAT16 ? lab_bfloat16_panel_width()
                                 : lab_int8_panel_width();
}

static operands prepared(product p, const float *a, const float *b) {
  operands o = {0};
  const ptrdiff_t panels = panels_of(p.precision, p.columns);
  if (p.precision == FLOAT32) {
    o.packed = bytes(lab_packed_count(p.columns, p.k) * (ptrdiff_t)sizeof(float));
    o.scratch = bytes(lab_gemm_scratch_count(p.rows) * (ptrdiff_t)sizeof(float));
    o.row_stride = p.k * (ptrdiff_t)sizeof(float);
    o.rows = bytes(p.rows * o.row_stride);
    memcpy(o.rows, a, (size_t)(p.rows * o.row_stride));
    lab_pack_transposed(b, p.columns, p.k, p.k, 0, panels, o.packed);
  } else if (p.precision == BFLOAT16) {
    o.packed = bytes(lab_bfloat16_packed_bytes(p.columns, p.k));
    o.row_stride = lab_bfloat16_row_bytes(p.k);
    o.rows = bytes(p.rows * o.row_stride);
    lab_pack_bfloat16(b, p.columns, p.k, p.k, 1, 0, panels, o.packed);
    lab_round_rows_bfloat16(a, p.rows, p.k, p.k, o.rows, o.row_stride);
  } else {
    o.packed = bytes(lab_int8_packed_bytes(p.columns, p.k));
    o.row_stride = lab_int8_row_bytes(p.k);
    o.rows = bytes(p.rows * o.row_stride);
    o.scales = bytes(p.rows * (ptrdiff_t)sizeof(float));
    lab_pack_int8(b, p.columns, p.k, p.k, 0, panels, o.packed);
    lab_quantize_rows_int8(a, p.rows, p.k, p.k, o.rows, o.row_stride, o.scales);
  }
  return o;
}

static void release(operands o) {
  free(o.packed);
  free(o.rows);
  free(o.scales);
  free(o.scratch);
}

/// Multiplies `rows` rows from `first` on by panels first_panel ..< last_panel.
static void multiply(product p, operands o, ptrdiff_t first, ptrdiff_t rows, ptrdiff_t first_panel,
                     ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias, float *c,
                     ptrdiff_t c_stride) {
  const void *a = (const char *)o.rows + first * o.row_stride;
  float *to = c + first * c_stride;
  if (p.precision == FLOAT32)
    lab_gemm(a, rows, p.k, o.packed, p.columns, p.k, first_panel, last_panel,
             (lab_prefetch){.next_panel = next_panel}, bias, p.epilogue, to, c_stride, o.scratch);
  else if (p.precision == BFLOAT16)
    lab_gemm_bfloat16(a, rows, o.row_stride, o.packed, p.columns, p.k, first_panel, last_panel,
                      next_panel, bias, p.epilogue, to, c_stride);
  else
    lab_gemm_int8(a, o.scales + first, rows, o.row_stride, o.packed, p.columns, p.k, first_panel,
                  last_panel, next_panel, bias, p.epilogue, to, c_stride);
  if (amx_is_configured) expect(!amx_is_configured(), "a GEMM leaves tiles configured", 1);
}

enum { GUARD = 3 };

/// One product with everything that can be asked of it: the values, nothing written beyond the
/// columns, the same bits in any division into rows and panels, and GELU rounded to bfloat16.
static void check_product(product p) {
  char what[96];
  snprintf(what, sizeof what, "%s product %td x %td x %td, epilogue %d%s", names[p.precision],
           p.rows, p.columns, p.k, p.epilogue, p.has_bias ? ", bias" : "");
  const ptrdiff_t width = panel_width(p.precision), panels = panels_of(p.precision, p.columns);
  const ptrdiff_t stride = p.columns + GUARD;
  float *a = numbers(p.rows * p.k), *b = numbers(p.columns * p.k);
  float *bias = numbers(panels * width), *before = numbers(p.rows * stride);
  float *c = bytes(p.rows * stride * (ptrdiff_t)sizeof *c);
  float *again = bytes(p.rows * stride * (ptrdiff_t)sizeof *c);
  memcpy(c, before, (size_t)(p.rows * stride) * sizeof *c);
  memcpy(again, before, (size_t)(p.rows * stride) * sizeof *c);
  const operands o = prepared(p, a, b);
  const float *given = p.has_bias ? bias : NULL;
  multiply(p, o, 0, p.rows, 0, panels, 1, given, c, stride);

  double worst = 0, *left = held(a, p.rows, p.k, p.precision);
  double *right = held(b, p.columns, p.k, p.precision);
  for (ptrdiff_t row = 0; row < p.rows; row++) {
    for (ptrdiff_t column = 0; column < p.columns; column++) {
      double sum = p.has_bias ? bias[column] : 0;
      for (ptrdiff_t at = 0; at < p.k; at++) sum += left[row * p.k + at] * right[column * p.k + at];
      const ptrdiff_t place = row * stride + column;
      if (p.epilogue == LAB_EPILOGUE_ADD) sum += before[place];
      if (p.epilogue == LAB_EPILOGUE_GELU) sum = gelu(sum);
      worst = fmax(worst, fabs(c[place] - sum));
      if (c[place] != c[place]) worst = INFINITY;
    }
    if (memcmp(c + row * stride + p.columns, before + row * stride + p.columns,
               GUARD * sizeof *c) != 0)
      worst = INFINITY;
  }
  expect(worst < 2e-5 * sqrt((double)p.k), what, worst);

  // Another division among workers.
  const ptrdiff_t cut = p.rows / 3, middle = panels / 2;
  multiply(p, o, cut, p.rows - cut, middle, panels, 0, given, again, stride);
  multiply(p, o, cut, p.rows - cut, 0, middle, middle + 1, given, again, stride);
  if (cut > 0) multiply(p, o, 0, cut, 0, panels, 0, given, again, stride);
  bool is_same = true;
  for (ptrdiff_t row = 0; row < p.rows; row++)
    is_same = is_same && memcmp(c + row * stride, again + row * stride,
                                (size_t)p.columns * sizeof *c) == 0;
  expect(is_same, "the same product in parts has other bits", 1);

  if (p.precision == BFLOAT16 && p.epilogue == LAB_EPILOGUE_GELU) {
    const ptrdiff_t row_bytes = lab_bfloat16_row_bytes(p.columns);
    unsigned char *direct = bytes(p.rows * row_bytes), *later = bytes(p.rows * row_bytes);
    // It sums all of k at once.
    if (p.k <= 1024) {
      lab_gemm_bfloat16_gelu(o.rows, p.rows, o.row_stride, o.packed, p.columns, p.k, 0, panels,
                             given, direct, row_bytes);
      lab_round_rows_bfloat16(c, p.rows, p.columns, stride, later, row_bytes);
      expect(memcmp(direct, later, (size_t)(p.rows * row_bytes)) == 0, "rounded GELU", 1);
    }
    free(direct);
    free(later);
  }
  release(o);
  free(left);
  free(right);
  free(a);
  free(b);
  free(bias);
  free(before);
  free(c);
  free(again);
}

/// All heights of tiles, partial panels, lengths of k, epilogues, with a bias and without. A `step`
/// above 1 leaves out most combinations, but no height, number of columns or length.
static void check_products(int precision, ptrdiff_t step) {
  ptrdiff_t count = 0;
  for (ptrdiff_t rows = 1; rows <= 40; rows++)
    for (ptrdiff_t columns = 1 + rows % step; columns <= 70; columns += step, count++)
      check_product((product){precision, rows, columns, 37 + count % 5, (int)(count % 3),
                              count % 4 != 0});
  for (ptrdiff_t k = 1; k <= 200; k++)
    for (ptrdiff_t i = 0; i < (step == 1 ? 3 : 1); i++, count++)
      check_product((product){precision, 19 + k % 2, 37 + k % 7, k, (int)((i + k) % 3),
                              count % 4 != 0});
  static const ptrdiff_t shapes[][3] = {{1, 1, 1},      {7, 33, 768},   {14, 40, 1024},
                                        {29, 70, 1025}, {9, 13, 1100},  {33, 33, 2111},
                                        {17, 33, 3072}, {197, 70, 64},  {257, 20, 30},
                                        {100, 5, 9}};
  for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++)
    for (int epilogue = LAB_EPILOGUE_NONE; epilogue <= LAB_EPILOGUE_GELU; epilogue++, count++)
      check_product((product){precision, shapes[i][0], shapes[i][1], shapes[i][2], epilogue,
                              count % 4 != 0});
}

/// Keys and values of the same matrix have the same panels.
static void check_packing(void) {
  for (ptrdiff_t k = 1; k <= 70; k++) {
    const ptrdiff_t columns = 1 + k * 5 % 43, size = lab_bfloat16_packed_bytes(columns, k);
    float *keys = numbers(columns * k), *values = numbers(columns * k);
    for (ptrdiff_t i = 0; i < columns; i++)
      for (ptrdiff_t at = 0; at < k; at++) values[at * columns + i] = keys[i * k + at];
    unsigned char *first = bytes(size), *second = bytes(size);
    memset(first, 1, (size_t)size);
    memset(second, 2, (size_t)size);
    lab_pack_bfloat16(keys, columns, k, k, 1, 0, lab_bfloat16_panels(columns), first);
    lab_pack_bfloat16(values, columns, k, 1, columns, 0, lab_bfloat16_panels(columns), second);
    expect(memcmp(first, second, (size_t)size) == 0, "packed keys and values differ", (double)k);
    free(keys);
    free(values);
    free(first);
    free(second);
  }
}

/// NaN and infinity in a row reach all of its results and no other row.
static void check_not_finite(int precision) {
  enum { ROWS = 21, COLUMNS = 40, K = 43 };
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (int which = 0; which < 3; which++)
    for (int place = 0; place < K; place += 21) {
      const product p = {precision, ROWS, COLUMNS, K, LAB_EPILOGUE_NONE, false};
      float *a = numbers(ROWS * K), *b = numbers(COLUMNS * K), c[ROWS * COLUMNS];
      a[9 * K + place] = bad[which];
      const operands o = prepared(p, a, b);
      multiply(p, o, 0, ROWS, 0, panels_of(precision, COLUMNS), 0, NULL, c, COLUMNS);
      bool is_right = true;
      for (int i = 0; i < ROWS * COLUMNS; i++)
        is_right = is_right && (isfinite(c[i]) != 0) == (i / COLUMNS != 9);
      expect(is_right, "a value that is not finite", place);
      release(o);
      free(a);
      free(b);
    }
}

/// Threads multiply different shapes at the same time.
static void *multiply_many(void *raw) {
  state = (uint64_t)(uintptr_t)raw;
  for (int i = 0; i < 60; i++)
    check_product((product){1 + i % 2, 1 + i * 7 % 37, 1 + i * 11 % 70, 1 + i * 13 % 90, i % 3,
                            i % 4 != 0});
  return NULL;
}

static void check_threads(void) {
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; i++)
    pthread_create(threads + i, NULL, multiply_many, (void *)(i + 5));
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
}

static void check_rows(void) {
  enum { ROWS = 3, WIDTH = 53 };
  float *x = numbers(ROWS * WIDTH), *y = malloc(sizeof(float) * ROWS * WIDTH);
  for (int i = 0; i < ROWS * WIDTH; i++) y[i] = x[i] *= 6;
  lab_gelu(y, ROWS, WIDTH, WIDTH);
  double worst = 0;
  for (int i = 0; i < ROWS * WIDTH; i++) worst = fmax(worst, fabs(y[i] - gelu(x[i])));
  expect(worst < 2e-6, "GELU", worst);
  memcpy(y, x, sizeof(float) * ROWS * WIDTH);
  lab_softmax_rows(y, 0.5f, NULL, ROWS, WIDTH, WIDTH);
  worst = 0;
  for (int row = 0; row < ROWS; row++) {
    double maximum = -INFINITY, sum = 0;
    for (int i = 0; i < WIDTH; i++) maximum = fmax(maximum, 0.5 * x[row * WIDTH + i]);
    for (int i = 0; i < WIDTH; i++) sum += exp(0.5 * x[row * WIDTH + i] - maximum);
    for (int i = 0; i < WIDTH; i++) {
      const double weight = exp(0.5 * x[row * WIDTH + i] - maximum) / sum;
      worst = fmax(worst, fabs(y[row * WIDTH + i] - weight));
    }
  }
  expect(worst < 1e-6, "softmax", worst);
  free(x);
  free(y);
}

int main(int count, char **arguments) {
  const ptrdiff_t step = count > 1 ? atoi(arguments[1]) : 1;
  printf("%s; bfloat16 %s; int8 %s\n", lab_gemm_kernels(), lab_bfloat16_kernels(),
         lab_int8_kernels());
  for (int precision = FLOAT32; precision <= INT8; precision++) {
    check_products(precision, step);
    if (precision != FLOAT32) check_not_finite(precision);
  }
  check_packing();
  check_threads();
  check_rows();
  if (amx_instructions) printf("%ld instructions of AMX in software\n", amx_instructions());
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
