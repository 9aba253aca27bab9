// LayerNorm of one row by one warp.
#ifndef LAB_NORM_CUH
#define LAB_NORM_CUH

#include "common.cuh"

/// A row of up to 256 · `groups` numbers in the registers of a warp, eight consecutive ones in a
/// lane.
template <typename T, int groups>
struct WarpRow {
  Eight<T> values[groups];

  __device__ __forceinline__ static int column(int group) { return group * 256 + lane_index() * 8; }

  __device__ __forceinline__ void load(const T *x, int width) {
#pragma unroll
    for (int g = 0; g < groups; g++)
      if (column(g) < width) values[g] = read8(x + column(g));
  }

  /// Mean and 1 / deviation; the second sum avoids the cancellation of E[x²] - E[x]².
  __device__ __forceinline__ float2 moments(int width, float epsilon) const {
    float x[8], sum = 0, squares = 0;
#pragma unroll
    for (int g = 0; g < groups; g++) {
      if (column(g) >= width) continue;
      unpack(values[g], x);
      for (int k = 0; k < 8; k++) sum += x[k];
    }
    const float mean = warp_sum(sum) / (float)width;
#pragma unroll
    for (int g = 0; g < groups; g++) {
      if (column(g) >= width) continue;
      unpack(values[g], x);
      for (int k = 0; k < 8; k++) squares += (x[k] - mean) * (x[k] - mean);
    }
    return float2{mean, 1.0f / sqrtf(warp_sum(squares) / (float)width + epsilon)};
  }

  __device__ __forceinline__ void store(float2 moments, const float *weight, const float *bias,
                                        int width, T *out) const {
#pragma unroll
    for (int g = 0; g < groups; g++) {
      if (column(g) >= width) continue;
      float x[8], w[8], b[8];
      unpack(values[g], x);
      load8(weight + column(g), w);
      load8(bias + column(g), b);
      for (int k = 0; k < 8; k++) x[k] = (x[k] - moments.x) * moments.y * w[k] + b[k];
      store8(out + column(g), x);
    }
  }
};

/// Moments of a row of any width, read twice.
template <typename T>
DEVICE float2 long_row_moments(const T *x, int width, float epsilon) {
  float sum = 0;
  for (int i = lane_index(); i < width; i += 32) sum += to_float(x[i]);
  const float mean = warp_sum(sum) / (float)width;
  float squares = 0;
  for (int i = lane_index(); i < width; i += 32) {
    const float centered = to_float(x[i]) - mean;
    squares += centered * centered;
  }
  return float2{mean, 1.0f / sqrtf(warp_sum(squares) / (float)width + epsilon)};
}

/// Calls `BODY(groups)` with the smallest number of register groups that holds a row, or `ANY`
/// where none does.
#define BY_WIDTH(width, BODY, ANY)              \
  if ((width) % 8 != 0 || (width) > 2048) {     \
    ANY;                                        \
  } else if ((width) <= 512) {                  \
    BODY(2);                                    \
  } else if ((width) <= 1024) {                 \
    BODY(4);                                    \
  } else {                                      \
    BODY(8);                                    \
  }

template <int groups, typename T>
DEVICE void normalize_short_row(const T *x, const float *weight, const float *bias, float epsilon,
                                int width, T *out) {
  WarpRow<T, groups> row;
  row.load(x, width);
  row.store(row.moments(width, epsilon), weight, bias, width, out);
}

template <typename T>
DEVICE void normalize_long_row(const T *x, const float *weight, const float *bias, float epsilon,
                               int width, T *out) {
  const float2 moments = long_row_moments(x, width, epsilon);
  for (int i = lane_index(); i < width; i += 32)
    from_float((to_float(x[i]) - moments.x) * moments.y * weight[i] + bias[i], out[i]);
}

/// out = (x - mean) / sqrt(variance + epsilon) * weight + bias, by the calling warp.
template <typename T>
DEVICE void normalize_row(const T *x, const float *weight, const float *bias, float epsilon,
                          int width, T *out) {
#define SHORT(groups) normalize_short_row<groups>(x, weight, bias, epsilon, width, out)
  BY_WIDTH(width, SHORT, normalize_long_row(x, weight, bias, epsilon, width, out))
#undef SHORT
}

#endif
