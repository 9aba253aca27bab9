// The parts of attention around its two matrix products.
#include "CKernels.h"
#include "vector_math.h"

LAB_FAST
void lab_softmax_rows(float *x, float scale, const float *log_size, ptrdiff_t rows, ptrdiff_t width,
                      ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    float *at = x + row * stride;
    if (log_size)
      for (ptrdiff_t i = 0; i < width; i++) at[i] = at[i] * scale + log_size[i];
    else
      for (ptrdiff_t i = 0; i < width; i++) at[i] *= scale;
    float most = at[0];
    for (ptrdiff_t i = 1; i < width; i++) most = at[i] > most ? at[i] : most;
    float sum = 0;
    for (ptrdiff_t i = 0; i < width; i++) {
      at[i] = lab_exp(at[i] - most);
      sum += at[i];
    }
    const float share = 1.0f / sum;
    for (ptrdiff_t i = 0; i < width; i++) at[i] *= share;
  }
}

LAB_FAST
void lab_max_into(float *restrict into, const float *restrict x, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) into[i] = x[i] > into[i] ? x[i] : into[i];
}

LAB_FAST
void lab_add_into(float *restrict into, const float *restrict x, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) into[i] += x[i];
}

LAB_FAST
void lab_scale(float *x, float factor, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) x[i] *= factor;
}

LAB_FAST
void lab_column_sums(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride,
                     float *restrict sums) {
  for (ptrdiff_t i = 0; i < width; i++) sums[i] = 0;
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *at = x + row * stride;
    for (ptrdiff_t i = 0; i < width; i++) sums[i] += at[i];
  }
}

void lab_log(const float *x, ptrdiff_t count, float *out) {
  for (ptrdiff_t i = 0; i < count; i++) out[i] = __builtin_logf(x[i]);
}
