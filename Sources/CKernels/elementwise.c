// LayerNorm, biases and activations, one row at a time.
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
void lab_add_bias(float *x, const float *restrict bias, ptrdiff_t rows, ptrdiff_t width) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *at = x + row * width;
    for (ptrdiff_t i = 0; i < width; i++) at[i] += bias[i];
  }
}

LAB_FAST
void lab_bias_gelu(float *x, const float *restrict bias, ptrdiff_t rows, ptrdiff_t width) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *at = x + row * width;
    for (ptrdiff_t i = 0; i < width; i++) {
      const float value = at[i] + bias[i];
      at[i] = 0.5f * value * (1.0f + lab_erf(value * 0.70710678118654752f));
    }
  }
}

LAB_FAST
void lab_bias_swiglu(float *x, const float *restrict bias, ptrdiff_t rows, ptrdiff_t width) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *gate = x + row * 2 * width;
    const float *linear = gate + width;
    for (ptrdiff_t i = 0; i < width; i++) {
      const float value = gate[i] + bias[i];
      gate[i] = value / (1.0f + lab_exp(-value)) * (linear[i] + bias[width + i]);
    }
  }
}
