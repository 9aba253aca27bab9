// Norms, activations and conversions: one pass over rows each.
#include "norm.cuh"

// MARK: LayerNorm, a warp a row

template <typename T>
DEVICE void layer_norm(const T *x, const float *weight, const float *bias, float epsilon, int rows,
                       int width, T *out) {
  const int row = blockIdx.x * 4 + warp_index();
  if (row >= rows) return;
  const size_t at = (size_t)row * width;
  normalize_row(x + at, weight, bias, epsilon, width, out + at);
}

#define LAYER_NORM(T, S)                                                                      \
  KERNEL(layer_norm##S, 128)                                                                  \
  (const T *x, const float *weight, const float *bias, float epsilon, int rows, int width,    \
   T *out) { layer_norm(x, weight, bias, epsilon, rows, width, out); }
FOR_TYPES(LAYER_NORM)

// MARK: Eight numbers a thread

/// The first of this thread's eight numbers.
DEVICE size_t first_of_eight() { return ((size_t)blockIdx.x * blockDim.x + threadIdx.x) * 8; }

/// A division of 64 bits takes many times as long as one of 32, and is seldom needed.
DEVICE size_t row_of(size_t index, int width) {
  return index >> 32 ? index / width : (unsigned)index / (unsigned)width;
}

/// erf within 4 units in the last place of 1: the rational function that the processor's kernels
/// use, without branches.
///
/// Coefficients of the minimax fit that Eigen and XLA use (Eigen, MathFunctionsImpl.h,
/// generic_fast_erf_float).
DEVICE float error_function(float x) {
  x = fminf(fmaxf(x, -4.0f), 4.0f);
  const float s = x * x;
  float p = -2.72614225801306e-10f;
  p = p * s + 2.77068142495902e-08f;
  p = p * s + -2.10102402082508e-06f;
  p = p * s + -5.69250639462346e-05f;
  p = p * s + -7.34990630326855e-04f;
  p = p * s + -2.95459980854025e-03f;
  p = p * s + -1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * s + -2.13374055278905e-04f;
  q = q * s + -1.68282697438203e-03f;
  q = q * s + -7.37332916720468e-03f;
  q = q * s + -1.42647390514189e-02f;
  return __fdividef(x * p, q);
}

DEVICE float gelu(float x) { return 0.5f * x * (1.0f + error_function(x * 0.70710678118654752f)); }
DEVICE float silu(float x) { return x / (1.0f + expf(-x)); }

/// x = gelu(x)
template <typename T>
DEVICE void gelu_rows(T *x, long long count) {
  const size_t first = first_of_eight();
  if (first + 8 <= (size_t)count) {
    float values[8];
    load8(x + first, values);
    for (int k = 0; k < 8; k++) values[k] = gelu(values[k]);
    store8(x + first, values);
  } else {
    for (size_t i = first; i < (size_t)count; i++) from_float(gelu(to_float(x[i])), x[i]);
  }
}

/// Rows [a, b] to silu(a) b.
template <typename T>
DEVICE void swiglu(const T *x, T *out, int rows, int width) {
  const size_t first = first_of_eight(), count = (size_t)rows * width;
  if (first >= count) return;
  if (width % 8 == 0) {
    // A row of twice the width: its second half is jumped over.
    const T *row = x + first + row_of(first, width) * width;
    float a[8], b[8];
    load8(row, a);
    load8(row + width, b);
    for (int k = 0; k < 8; k++) a[k] = silu(a[k]) * b[k];
    store8(out + first, a);
  } else {
    for (size_t i = first; i < first + 8 && i < count; i++) {
      const T *row = x + i + row_of(i, width) * width;
      from_float(silu(to_float(row[0])) * to_float(row[width]), out[i]);
    }
  }
}

template <typename From, typename To>
DEVICE void convert(const From *x, To *out, long long count) {
  const size_t first = first_of_eight();
  if (first + 8 <= (size_t)count) {
    float values[8];
    load8(x + first, values);
    store8(out + first, values);
  } else {
    for (size_t i = first; i < (size_t)count; i++) from_float(to_float(x[i]), out[i]);
  }
}

#define ACTIVATIONS(T, S)                                                                     \
  KERNEL(gelu##S, 256)(T *x, long long count) { gelu_rows(x, count); }                        \
  KERNEL(swiglu##S, 256)(const T *x, T *out, int rows, int width) {                           \
    swiglu(x, out, rows, width);                                                              \
  }
FOR_TYPES(ACTIVATIONS)

#define CONVERSIONS(T, S)                                                                     \
  KERNEL(convert_f32##S, 256)(const float *x, T *out, long long count) {                      \
    convert(x, out, count);                                                                   \
  }                                                                                           \
  KERNEL(convert##S##_f32, 256)(const T *x, float *out, long long count) {                    \
    convert(x, out, count);                                                                   \
  }
FOR_HALVES(CONVERSIONS)

KERNEL(fill_f32, 256)(float *x, float value, long long count) {
  const size_t first = first_of_eight();
  if (first + 8 <= (size_t)count) {
    store8(x + first, {value, value, value, value, value, value, value, value});
  } else {
    for (size_t i = first; i < (size_t)count; i++) x[i] = value;
  }
}
