// LayerNorm and activations, one row at a time.
#include "CKernels.h"
#include "vector_math.h"

LAB_FAST
void lab_layer_norm(const float *x, const float *weight, const float *bias, float epsilon,
                    ptrdiff_t rows, ptrdiff_t width, float *restrict out) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    LAB_REASSOCIATE
    const float *in = x + row * width;
    float *to = out + row * width;
    float sum = 0;
    for (ptrdiff_t i = 0; i < width; i++) sum += in[i];
    const float mean = sum / (float)width;
    // A second pass over the row, which is in L1, avoids the cancellation of E[x^2] - E[x]^2.
    float squares = 0;
    for (ptrdiff_t i = 0; i < width; i++) {
      const float centered = in[i] - mean;
      squares += centered * centered;
    }
    const float scale = 1.0f / __builtin_sqrtf(squares / (float)width + epsilon);
    for (ptrdiff_t i = 0; i < width; i++) to[i] = (in[i] - mean) * scale * weight[i] + bias[i];
  }
}

LAB_FAST
void lab_gelu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *at = x + row * stride;
    for (ptrdiff_t i = 0; i < width; i++)
      at[i] = 0.5f * at[i] * (1.0f + lab_erf(at[i] * 0.70710678118654752f));
  }
}

LAB_FAST
void lab_swiglu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *gate = x + row * stride;
    const float *linear = gate + stride / 2;
    for (ptrdiff_t i = 0; i < width; i++)
      gate[i] = gate[i] / (1.0f + lab_exp(-gate[i])) * linear[i];
  }
}

void lab_transpose(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *out,
                   ptrdiff_t out_stride) {
  // Tiles of 16 x 16 fill whole cache lines on both sides.
  enum { TILE = 16 };
  for (ptrdiff_t row = 0; row < rows; row += TILE) {
    const ptrdiff_t last_row = row + TILE < rows ? row + TILE : rows;
    for (ptrdiff_t column = 0; column < width; column += TILE) {
      const ptrdiff_t last_column = column + TILE < width ? column + TILE : width;
      for (ptrdiff_t j = column; j < last_column; j++)
        for (ptrdiff_t i = row; i < last_row; i++) out[j * out_stride + i] = x[i * stride + j];
    }
  }
}
