// Norms, activations and conversions: one pass over rows each.
#include "activation.cuh"
#include "norm.cuh"

// MARK: LayerNorm, a warp a row

template <typename T>
DEVICE void layer_norm(const T *x, const float *weight, const float *bias, float epsilon, int rows,
                       int width, T *out) {
  wait_for_previous();
  let_next_start();
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

/// A division of 64 bits takes many times as long as one of 32, and is rarely needed.
DEVICE size_t row_of(size_t index, int width) {
  return index >> 32 ? index / width : (unsigned)index / (unsigned)width;
}

/// x = gelu(x)
template <typename T>
DEVICE void gelu_rows(T *x, long long count) {
  wait_for_previous();
  let_next_start();
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

/// Each block's largest |a - b| and largest |a|, both 0 for none. What is the same is no
/// difference, also where it is not finite; a number next to NaN is infinitely far from it.
template <typename T>
DEVICE void differences(const T *a, const T *b, float *largest, long long count) {
  float difference = 0, value = 0;
  for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < (size_t)count;
       i += (size_t)gridDim.x * blockDim.x) {
    const float x = to_float(a[i]), y = to_float(b[i]), apart = fabsf(x - y);
    const bool is_same = x == y || (x != x && y != y);
    // A comparison with NaN is false.
    if (!is_same) difference = fmaxf(difference, apart >= 0.0f ? apart : -NEGATIVE_INFINITY);
    if (fabsf(x) < -NEGATIVE_INFINITY) value = fmaxf(value, fabsf(x));
  }
  float *shared = (float *)shared_memory();
  difference = block_max(difference, shared);
  value = block_max(value, shared);
  if (threadIdx.x == 0) largest[2 * blockIdx.x] = difference, largest[2 * blockIdx.x + 1] = value;
}

#define DIFFERENCES(T, S)                                                                     \
  KERNEL(differences##S, 256)(const T *a, const T *b, float *largest, long long count) {      \
    differences(a, b, largest, count);                                                        \
  }
FOR_TYPES(DIFFERENCES)
