// Norms, biases, activations and conversions: one pass over rows each.
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

template <int groups, typename T>
DEVICE void add_short_row(T *stream, const T *delta, const T *added, const float *weight,
                          const float *bias, float epsilon, int width, T *out) {
  WarpRow<T, groups> row;
  row.load(stream, width);
#pragma unroll
  for (int g = 0; g < groups; g++) {
    const int column = row.column(g);
    if (column >= width) continue;
    float x[8], y[8], extra[8] = {};
    unpack(row.values[g], x);
    load8(delta + column, y);
    if (added) load8(added + column, extra);
    for (int k = 0; k < 8; k++) x[k] += y[k] + extra[k];
    // The norm sees what the stream holds, which is rounded.
    row.values[g] = pack(x, T());
    write8(stream + column, row.values[g]);
  }
  row.store(row.moments(width, epsilon), weight, bias, width, out);
}

template <typename T>
DEVICE void add_long_row(T *stream, const T *delta, const T *added, const float *weight,
                         const float *bias, float epsilon, int width, T *out) {
  // Each lane reads again only what it has written itself.
  for (int i = lane_index(); i < width; i += 32)
    from_float(
        to_float(stream[i]) + (to_float(delta[i]) + (added ? to_float(added[i]) : 0.0f)),
        stream[i]);
  normalize_long_row<T>(stream, weight, bias, epsilon, width, out);
}

template <typename T>
DEVICE void add_layer_norm(T *stream, const T *delta, const T *added, const float *weight,
                           const float *bias, float epsilon, int rows, int width, T *out) {
  const int row = blockIdx.x * 4 + warp_index();
  if (row >= rows) return;
  const size_t at = (size_t)row * width;
#define SHORT(groups)                                                                             \
  add_short_row<groups>(stream + at, delta + at, added, weight, bias, epsilon, width, out + at)
  BY_WIDTH(
      width, SHORT,
      add_long_row(stream + at, delta + at, added, weight, bias, epsilon, width, out + at))
#undef SHORT
}

#define LAYER_NORM(T, S)                                                                      \
  KERNEL(layer_norm##S, 128)                                                                  \
  (const T *x, const float *weight, const float *bias, float epsilon, int rows, int width,    \
   T *out) { layer_norm(x, weight, bias, epsilon, rows, width, out); }
FOR_TYPES(LAYER_NORM)

#define ADD_LAYER_NORM(T, S)                                                                  \
  KERNEL(add_layer_norm##S, 128)                                                              \
  (T *stream, const T *delta, const T *added, const float *weight, const float *bias,         \
   float epsilon, int rows, int width, T *out) {                                              \
    add_layer_norm(stream, delta, added, weight, bias, epsilon, rows, width, out);            \
  }
FOR_TYPES(ADD_LAYER_NORM)

// MARK: Eight numbers a thread

/// The first of this thread's eight numbers.
DEVICE size_t first_of_eight() { return ((size_t)blockIdx.x * blockDim.x + threadIdx.x) * 8; }

/// A division of 64 bits takes many times as long as one of 32, and is seldom needed.
DEVICE size_t row_of(size_t index, int width) {
  return index >> 32 ? index / width : (unsigned)index / (unsigned)width;
}

/// erf within 4 units in the last place of 1: the rational function that the processor's kernels use, without branches.
///
/// Coefficients of the minimax fit that Eigen and XLA use (Eigen, MathFunctionsImpl.h, generic_fast_erf_float).
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

/// x = f(x, y, added of the column), where y and added may be missing.
template <typename T, typename F>
DEVICE void update_rows(T *x, const T *y, const T *added, int rows, int width, F f) {
  const size_t first = first_of_eight(), count = (size_t)rows * width;
  if (first >= count) return;
  if (width % 8 == 0) {
    float a[8], b[8] = {}, c[8] = {};
    load8(x + first, a);
    if (y) load8(y + first, b);
    if (added) load8(added + (first - row_of(first, width) * width), c);
    for (int k = 0; k < 8; k++) a[k] = f(a[k], b[k] + c[k]);
    store8(x + first, a);
  } else {
    for (size_t i = first; i < first + 8 && i < count; i++)
      from_float(
          f(to_float(x[i]), (y ? to_float(y[i]) : 0.0f) + (added ? to_float(added[i % width]) : 0.0f)),
          x[i]);
  }
}

struct Sum {
  __device__ __forceinline__ float operator()(float x, float y) const { return x + y; }
};
struct GeluOfSum {
  __device__ __forceinline__ float operator()(float x, float y) const { return gelu(x + y); }
};

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

#define UPDATES(T, S)                                                                         \
  KERNEL(residual_add##S, 256)                                                                \
  (T *stream, const T *delta, const T *added, int rows, int width) {                          \
    update_rows(stream, delta, added, rows, width, Sum());                                    \
  }                                                                                           \
  KERNEL(bias_add##S, 256)(T *x, const T *bias, int rows, int width) {                        \
    update_rows(x, (const T *)0, bias, rows, width, Sum());                                   \
  }                                                                                           \
  KERNEL(bias_gelu##S, 256)(T *x, const T *bias, int rows, int width) {                       \
    update_rows(x, (const T *)0, bias, rows, width, GeluOfSum());                             \
  }                                                                                           \
  KERNEL(swiglu##S, 256)(const T *x, T *out, int rows, int width) {                           \
    swiglu(x, out, rows, width);                                                              \
  }
FOR_TYPES(UPDATES)

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

// MARK: The head's probabilities, a warp a row

template <typename T>
DEVICE void softmax_rows(const T *x, float *out, int rows, int width) {
  const int row = blockIdx.x * 4 + warp_index();
  if (row >= rows) return;
  x += (size_t)row * width;
  out += (size_t)row * width;
  float most = NEGATIVE_INFINITY, sum = 0;
  for (int i = lane_index(); i < width; i += 32) most = fmaxf(most, to_float(x[i]));
  most = warp_max(most);
  for (int i = lane_index(); i < width; i += 32) sum += expf(to_float(x[i]) - most);
  const float scale = 1.0f / warp_sum(sum);
  for (int i = lane_index(); i < width; i += 32) out[i] = expf(to_float(x[i]) - most) * scale;
}

#define SOFTMAX_ROWS(T, S)                                                                    \
  KERNEL(softmax_rows##S, 128)(const T *x, float *out, int rows, int width) {                 \
    softmax_rows(x, out, rows, width);                                                        \
  }
FOR_TYPES(SOFTMAX_ROWS)
