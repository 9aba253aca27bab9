// LayerNorm, SwiGLU's gate and transposition.
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

// A function of its own, so that `restrict` holds: the halves of one row do not overlap, but those
// of all rows interleave.
LAB_INLINE void gate_row(float *restrict gate, const float *restrict linear, ptrdiff_t width) {
  for (ptrdiff_t i = 0; i < width; i++) gate[i] = gate[i] / (1.0f + lab_exp(-gate[i])) * linear[i];
}

LAB_FAST
void lab_swiglu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++)
    gate_row(x + row * stride, x + row * stride + width, width);
}

typedef float four __attribute__((ext_vector_type(4), aligned(4)));

/// out[j][i] = x[i][j] for a 4 x 4 block.
LAB_INLINE void transpose_four(const float *x, ptrdiff_t stride, float *out, ptrdiff_t out_stride) {
  const four a = *(const four *)x, b = *(const four *)(x + stride);
  const four c = *(const four *)(x + 2 * stride), d = *(const four *)(x + 3 * stride);
  const four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(four *)out = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
  *(four *)(out + out_stride) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
  *(four *)(out + 2 * out_stride) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
  *(four *)(out + 3 * out_stride) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

void lab_transpose(const float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, float *out,
                   ptrdiff_t out_stride) {
  // 16 rows at a time, so that whole cache lines of the output are written, while the lines of the
  // input stay in the L1 cache from column to column.
  enum { STRIP = 16 };
  for (ptrdiff_t strip = 0; strip < rows; strip += STRIP) {
    const ptrdiff_t last = strip + STRIP < rows ? strip + STRIP : rows;
    ptrdiff_t j = 0;
    for (; j + 4 <= width; j += 4) {
      ptrdiff_t i = strip;
      for (; i + 4 <= last; i += 4)
        transpose_four(x + i * stride + j, stride, out + j * out_stride + i, out_stride);
      for (; i < last; i++)
        for (ptrdiff_t k = j; k < j + 4; k++) out[k * out_stride + i] = x[i * stride + k];
    }
    for (; j < width; j++)
      for (ptrdiff_t i = strip; i < last; i++) out[j * out_stride + i] = x[i * stride + j];
  }
}
