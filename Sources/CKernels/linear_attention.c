// Attention with ReLU instead of softmax: first sums over all pixels, then each pixel on its own.
#include "CKernels.h"
#include "multiversion.h"

#include <string.h>

enum { LANES = 16 };

static ptrdiff_t rounded(ptrdiff_t count) { return (count + LANES - 1) / LANES * LANES; }

ptrdiff_t lab_linear_attention_tasks(const lab_linear_attention *a) { return a->images * a->heads; }

/// The parts of one worker's scratch memory.
typedef struct {
  /// ReLU of the keys, [key_dim][stride], and of the queries, [pixels][key_dim].
  float *keys, *queries;
  /// Packed values; keys times values, plain and packed; sums of keys; the GEMM's scratch.
  float *values, *sums, *packed_sums, *key_sums, *product;
  ptrdiff_t stride, count;
} workspace;

/// The next `count` floats of `scratch`; NULL if `scratch` is NULL, to count only.
static float *carve(float *scratch, ptrdiff_t *used, ptrdiff_t count) {
  float *at = scratch ? scratch + *used : NULL;
  *used += count;
  return at;
}

static workspace workspace_at(const lab_linear_attention *a, float *scratch) {
  workspace m;
  // An odd number of cache lines, so that the rows of a tile are in different sets of the L1 cache.
  m.stride = rounded(a->pixels) | LANES;
  ptrdiff_t used = 0;
  m.keys = carve(scratch, &used, a->key_dim * m.stride);
  m.queries = carve(scratch, &used, rounded(a->pixels * a->key_dim));
  m.values = carve(scratch, &used, rounded(lab_packed_count(a->value_dim, a->pixels)));
  m.sums = carve(scratch, &used, rounded(a->key_dim * a->value_dim));
  m.packed_sums = carve(scratch, &used, rounded(lab_packed_count(a->value_dim, a->key_dim)));
  m.key_sums = carve(scratch, &used, rounded(a->key_dim));
  m.product = carve(scratch, &used,
                    lab_gemm_scratch_count(a->pixels > a->key_dim ? a->pixels : a->key_dim));
  m.count = used;
  return m;
}

ptrdiff_t lab_linear_attention_scratch_count(const lab_linear_attention *a) {
  return workspace_at(a, NULL).count;
}

LAB_INLINE float relu(float x) { return x < 0 ? 0 : x; }

/// Applies ReLU to rows of `width` elements in place, and sums each.
LAB_FAST
static void relu_and_sum(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *sums) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    float *at = x + row * stride;
    float sum = 0;
    for (ptrdiff_t i = 0; i < width; i++) {
      at[i] = relu(at[i]);
      sum += at[i];
    }
    sums[row] = sum;
  }
}

LAB_INLINE void relu_row(const float *x, ptrdiff_t width, float *restrict out) {
  for (ptrdiff_t i = 0; i < width; i++) out[i] = relu(x[i]);
}

LAB_FAST
static void relu_rows(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                      float *out) {
  for (ptrdiff_t row = 0; row < rows; row++)
    relu_row(x + row * stride, width, out + row * width);
}

/// Divides each row of `out` by the dot product of its query with the sum of the keys, plus
/// epsilon.
LAB_FAST
static void divide_rows(const float *queries, ptrdiff_t rows, ptrdiff_t key_dim,
                        const float *key_sums, float epsilon, float *out, ptrdiff_t value_dim,
                        ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    float total = 0;
    for (ptrdiff_t i = 0; i < key_dim; i++) total += queries[row * key_dim + i] * key_sums[i];
    const float share = 1.0f / (total + epsilon);
    for (ptrdiff_t i = 0; i < value_dim; i++) out[row * stride + i] *= share;
  }
}

void lab_attend_linear(const lab_linear_attention *a, ptrdiff_t first, ptrdiff_t last,
                       float *scratch) {
  const workspace m = workspace_at(a, scratch);
  const lab_prefetch no_prefetch = {0};
  for (ptrdiff_t task = first; task < last; task++) {
    const ptrdiff_t pixel = task / a->heads * a->pixels, head = task % a->heads;
    const ptrdiff_t panels = lab_panels(a->value_dim);
    lab_transpose(a->k.start + pixel * a->k.pixel + head * a->k.head, a->pixels, a->key_dim,
                  a->k.pixel, m.keys, m.stride);
    relu_and_sum(m.keys, a->key_dim, a->pixels, m.stride, m.key_sums);
    lab_pack_plain(a->v.start + pixel * a->v.pixel + head * a->v.head, a->value_dim, a->pixels,
                   a->v.pixel, m.values);
    lab_gemm(m.keys, a->key_dim, m.stride, m.values, a->value_dim, a->pixels, 0, panels,
             no_prefetch, NULL, LAB_EPILOGUE_NONE, m.sums, a->value_dim, m.product);
    lab_pack_plain(m.sums, a->value_dim, a->key_dim, a->value_dim, m.packed_sums);
    relu_rows(a->q.start + pixel * a->q.pixel + head * a->q.head, a->pixels, a->key_dim,
              a->q.pixel, m.queries);
    float *out = a->out + pixel * a->out_pixel + head * a->out_head;
    lab_gemm(m.queries, a->pixels, a->key_dim, m.packed_sums, a->value_dim, a->key_dim, 0,
             panels, no_prefetch, NULL, LAB_EPILOGUE_NONE, out, a->out_pixel, m.product);
    divide_rows(m.queries, a->pixels, a->key_dim, m.key_sums, a->epsilon, out, a->value_dim,
                a->out_pixel);
  }
}

/// Sums relu(k) and relu(k) * v over all pixels.
LAB_FAST
static void reduced_sums(const float *k, ptrdiff_t k_stride, const float *v, ptrdiff_t v_stride,
                         ptrdiff_t pixels, ptrdiff_t width, float *restrict key_sums,
                         float *restrict value_sums) {
  for (ptrdiff_t i = 0; i < width; i++) key_sums[i] = value_sums[i] = 0;
  for (ptrdiff_t pixel = 0; pixel < pixels; pixel++)
    for (ptrdiff_t i = 0; i < width; i++) {
      const float key = relu(k[pixel * k_stride + i]);
      key_sums[i] += key;
      value_sums[i] += key * v[pixel * v_stride + i];
    }
}

LAB_FAST
static void reduced_rows(const float *q, ptrdiff_t q_stride, ptrdiff_t pixels, ptrdiff_t width,
                         const float *restrict key_sums, const float *restrict value_sums,
                         float epsilon, float *restrict out, ptrdiff_t out_stride) {
  for (ptrdiff_t pixel = 0; pixel < pixels; pixel++) {
    LAB_REASSOCIATE
    const float *query = q + pixel * q_stride;
    float total = 0;
    for (ptrdiff_t i = 0; i < width; i++) total += relu(query[i]) * key_sums[i];
    const float share = 1.0f / (total < epsilon ? epsilon : total);
    for (ptrdiff_t i = 0; i < width; i++)
      out[pixel * out_stride + i] = relu(query[i]) * value_sums[i] * share;
  }
}

void lab_attend_reduced(const lab_linear_attention *a, ptrdiff_t first, ptrdiff_t last,
                        float *scratch) {
  float *key_sums = scratch, *value_sums = scratch + a->key_dim;
  for (ptrdiff_t task = first; task < last; task++) {
    const ptrdiff_t pixel = task / a->heads * a->pixels, head = task % a->heads;
    reduced_sums(a->k.start + pixel * a->k.pixel + head * a->k.head, a->k.pixel,
                 a->v.start + pixel * a->v.pixel + head * a->v.head, a->v.pixel, a->pixels,
                 a->key_dim, key_sums, value_sums);
    reduced_rows(a->q.start + pixel * a->q.pixel + head * a->q.head, a->q.pixel, a->pixels,
                 a->key_dim, key_sums, value_sums, a->epsilon,
                 a->out + pixel * a->out_pixel + head * a->out_head, a->out_pixel);
  }
}
