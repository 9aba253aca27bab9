// Partial vectors, activations and epilogues for one instruction set. Included with ISA, TARGET and
// LANES defined as in gemm_kernels.h; defines NAME, VECTOR and INTEGERS.
#include "gelu_table.h"

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(name) JOIN(name, ISA)

typedef float NAME(vector) __attribute__((ext_vector_type(LANES), aligned(4)));
typedef int32_t NAME(integers) __attribute__((ext_vector_type(LANES), aligned(4)));
#define VECTOR NAME(vector)
#define INTEGERS NAME(integers)

/// The first `count` elements of a vector, 0 < count < LANES; the others are zero.
TARGET LAB_INLINE VECTOR NAME(load_part)(const float *at, ptrdiff_t count) {
#if LANES == 16
  return (VECTOR)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), at);
#elif LANES == 8
  const INTEGERS index = {0, 1, 2, 3, 4, 5, 6, 7};
  return (VECTOR)_mm256_maskload_ps(at, (__m256i)(index < (int32_t)count));
#else
  return (VECTOR){at[0], count > 1 ? at[1] : 0.0f, count > 2 ? at[2] : 0.0f, 0.0f};
#endif
}

TARGET LAB_INLINE void NAME(store_part)(float *at, VECTOR x, ptrdiff_t count) {
#if LANES == 16
  _mm512_mask_storeu_ps(at, (__mmask16)((1u << count) - 1), (__m512)x);
#elif LANES == 8
  const INTEGERS index = {0, 1, 2, 3, 4, 5, 6, 7};
  _mm256_maskstore_ps(at, (__m256i)(index < (int32_t)count), (__m256)x);
#else
  at[0] = x[0];
  if (count > 1) at[1] = x[1];
  if (count > 2) at[2] = x[2];
#endif
}

TARGET LAB_INLINE VECTOR NAME(exponential)(VECTOR x) {
#pragma clang fp contract(fast)
  // As `lab_exp`.
  x = x < -87.0f ? (VECTOR)(-87.0f) : x;
  x = x > 88.0f ? (VECTOR)(88.0f) : x;
  const VECTOR shifted = x * 1.44269504088896341f + 12582912.0f;
  const VECTOR n = shifted - 12582912.0f;
  VECTOR r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  VECTOR p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  INTEGERS bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits - (0x4B400000 - 127)) << 23;
  VECTOR power;
  memcpy(&power, &bits, sizeof power);
  return p * power;
}

#if LANES != 16
TARGET LAB_INLINE VECTOR NAME(error_function)(VECTOR x) {
#pragma clang fp contract(fast)
  // As `lab_erf`.
  x = x < -4.0f ? (VECTOR)(-4.0f) : x;
  x = x > 4.0f ? (VECTOR)(4.0f) : x;
  const VECTOR s = x * x;
  VECTOR p = s * -2.72614225801306e-10f + 2.77068142495902e-08f;
  p = p * s + -2.10102402082508e-06f;
  p = p * s + -5.69250639462346e-05f;
  p = p * s + -7.34990630326855e-04f;
  p = p * s + -2.95459980854025e-03f;
  p = p * s + -1.60960333262415e-02f;
  VECTOR q = s * -1.45660718464996e-05f + -2.13374052778905e-04f;
  q = q * s + -1.68282697438203e-03f;
  q = q * s + -7.37332916720468e-03f;
  q = q * s + -1.42647390514189e-02f;
  return x * p / q;
}
#endif

TARGET LAB_INLINE VECTOR NAME(relu)(VECTOR x) { return x < 0.0f ? (VECTOR)(0.0f) : x; }

TARGET LAB_INLINE VECTOR NAME(hard_sigmoid)(VECTOR x) {
#pragma clang fp contract(fast)
  VECTOR t = x * (1.0f / 6.0f) + 0.5f;
  t = t < 0.0f ? (VECTOR)(0.0f) : t;
  return t > 1.0f ? (VECTOR)(1.0f) : t;
}

TARGET LAB_INLINE VECTOR NAME(sigmoid)(VECTOR x) { return 1.0f / (1.0f + NAME(exponential)(-x)); }

/// `activation` must be a compile-time constant, so that the switch is resolved.
TARGET LAB_INLINE VECTOR NAME(activate)(VECTOR x, const int activation) {
  switch (activation) {
  case LAB_ACTIVATION_RELU: return NAME(relu)(x);
  case LAB_ACTIVATION_GELU:
#if LANES == 16
  {
    const lab_gelu_table table = lab_load_gelu_table();
    return (VECTOR)lab_gelu_avx512((__m512)x, &table);
  }
#else
    return 0.5f * x * (1.0f + NAME(error_function)(x * 0.70710678118654752f));
#endif
  case LAB_ACTIVATION_HARD_SWISH: return x * NAME(hard_sigmoid)(x);
  case LAB_ACTIVATION_HARD_SIGMOID: return NAME(hard_sigmoid)(x);
  case LAB_ACTIVATION_SILU: return x / (1.0f + NAME(exponential)(-x));
  case LAB_ACTIVATION_SIGMOID: return NAME(sigmoid)(x);
  default: return x;
  }
}

TARGET LAB_INLINE void NAME(apply_epilogue_to_rows)(const tile_epilogue *epilogue,
                                                    const float *from, ptrdiff_t from_stride,
                                                    ptrdiff_t rows, ptrdiff_t columns, float *to,
                                                    ptrdiff_t stride, const int activation) {
  const float *residual = epilogue->residual;
  const ptrdiff_t whole = columns / LANES * LANES;
  const ptrdiff_t rest = columns - whole;
  const bool sum_first = epilogue->activates_sum;
  for (ptrdiff_t row = 0; row < rows; row++, from += from_stride, to += stride) {
    for (ptrdiff_t i = 0; i < whole; i += LANES) {
      VECTOR x = *(const VECTOR *)(from + i), add = 0.0f;
      if (residual) add = *(const VECTOR *)(residual + i);
      if (residual && sum_first) x += add;
      x = NAME(activate)(x, activation);
      if (residual && !sum_first) x += add;
      *(VECTOR *)(to + i) = x;
    }
    if (rest) {
      VECTOR x = NAME(load_part)(from + whole, rest), add = 0.0f;
      if (residual) add = NAME(load_part)(residual + whole, rest);
      if (residual && sum_first) x += add;
      x = NAME(activate)(x, activation);
      if (residual && !sum_first) x += add;
      NAME(store_part)(to + whole, x, rest);
    }
    if (residual) residual += epilogue->residual_stride;
  }
}

/// Applies an epilogue to sums `from` and stores the result in `to`, which may be the same memory.
TARGET static void NAME(apply_epilogue)(const tile_epilogue *epilogue, const float *from,
                                        ptrdiff_t from_stride, ptrdiff_t rows, ptrdiff_t columns,
                                        float *to, ptrdiff_t stride) {
#define APPLY(activation)                                                                    \
  case activation:                                                                            \
    NAME(apply_epilogue_to_rows)(epilogue, from, from_stride, rows, columns, to, stride,      \
                                 activation);                                                 \
    break;
  switch (epilogue->activation) {
    APPLY(LAB_ACTIVATION_RELU)
    APPLY(LAB_ACTIVATION_GELU)
    APPLY(LAB_ACTIVATION_HARD_SWISH)
    APPLY(LAB_ACTIVATION_HARD_SIGMOID)
    APPLY(LAB_ACTIVATION_SILU)
    APPLY(LAB_ACTIVATION_SIGMOID)
  default: NAME(apply_epilogue_to_rows)(epilogue, from, from_stride, rows, columns, to, stride, 0);
  }
#undef APPLY
}
