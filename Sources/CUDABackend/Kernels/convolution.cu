// Convolutions with plain multiply-adds in float32: dense and grouped ones as products of gathered
// pixels (implicit GEMM), depthwise ones directly. Weights are [outputs][row][column][channel].
#include "picture.cuh"

// MARK: Dense and grouped

/// One block: 64 pixels by 64 outputs of a group; thread (y, x) of 16 x 16 has pixels y + 16 i and
/// outputs x + 16 j.
template <typename T>
DEVICE void convolve(const T *in, const T *weight, int weight_stride, const float *bias,
                     const T *residual, int residual_stride, T *out, int pixels, int activation,
                     int activates_sum, const Picture p) {
  constexpr int side = 64, tile_k = 16, line = tile_k + 1;
  float *input = (float *)shared_memory(), *weights = input + side * line;
  const int in_group = p.channels / p.groups, out_group = p.out_channels / p.groups;
  const int group = blockIdx.z, sums = p.kernel * p.kernel * in_group;
  const int first_pixel = blockIdx.x * side, first_output = blockIdx.y * side;
  // This thread brings 4 consecutive terms of one pixel and of one output.
  const int own = threadIdx.x / 4, term = threadIdx.x % 4 * 4;
  const bool has_pixel = first_pixel + own < pixels, has_output = first_output + own < out_group;
  const Window window(p, min(first_pixel + own, pixels - 1));
  const T *weight_row =
      weight + (size_t)(group * out_group + min(first_output + own, out_group - 1)) * weight_stride;
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
  float sum[4][4] = {};
  for (int first = 0; first < sums; first += tile_k) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int k = first + term + i;
      long long at = -1;
      if (has_pixel && k < sums) at = window.tap(p, k / in_group);
      input[own * line + term + i] =
          at < 0 ? 0.0f : to_float(in[at + group * in_group + k % in_group]);
      weights[own * line + term + i] = has_output && k < sums ? to_float(weight_row[k]) : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < tile_k; k++) {
      float a[4], b[4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        a[i] = input[(y + 16 * i) * line + k];
        b[i] = weights[(x + 16 * i) * line + k];
      }
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) sum[i][j] += a[i] * b[j];
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int pixel = first_pixel + y + 16 * i;
    if (pixel >= pixels) continue;
    T *to = out + p.out_pixel(pixel);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int in_its_group = first_output + x + 16 * j;
      if (in_its_group >= out_group) continue;
      const int output = group * out_group + in_its_group;
      const T *added = residual ? residual + (size_t)pixel * residual_stride + output : 0;
      from_float(end_sum(sum[i][j] + bias[output], added, activation, activates_sum), to[output]);
    }
  }
}

#define CONVOLVE(T, S)                                                                        \
  KERNEL(convolve_plain##S, 256)                                                              \
  (const T *in, const T *weight, int weight_stride, const float *bias, const T *residual,     \
   int residual_stride, T *out, int pixels, int activation, int activates_sum,                \
   PICTURE_PARAMETERS) {                                                                      \
    convolve<T>(in, weight, weight_stride, bias, residual, residual_stride, out, pixels,      \
                activation, activates_sum, PICTURE);                                          \
  }
FOR_TYPES(CONVOLVE)

// MARK: Depthwise

/// A thread a number; neighboring threads have neighboring channels. Weights are
/// [row][column][channel].
template <typename T>
DEVICE void convolve_depthwise(const T *in, const T *weight, int weight_stride, const float *bias,
                               const T *residual, int residual_stride, T *out, int pixels,
                               int activation, int activates_sum, const Picture p) {
  const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int pixel = (int)(index / p.out_channels), channel = (int)(index % p.out_channels);
  if (pixel >= pixels) return;
  const Window window(p, pixel);
  float sum = 0;
  for (int tap = 0; tap < p.kernel * p.kernel; tap++) {
    const long long at = window.tap(p, tap);
    if (at >= 0)
      sum += to_float(in[at + channel]) * to_float(weight[(size_t)tap * weight_stride + channel]);
  }
  const T *added = residual ? residual + (size_t)pixel * residual_stride + channel : 0;
  from_float(end_sum(sum + bias[channel], added, activation, activates_sum),
             out[p.out_pixel(pixel) + channel]);
}

#define DEPTHWISE(T, S)                                                                       \
  KERNEL(convolve_depthwise##S, 256)                                                          \
  (const T *in, const T *weight, int weight_stride, const float *bias, const T *residual,     \
   int residual_stride, T *out, int pixels, int activation, int activates_sum,                \
   PICTURE_PARAMETERS) {                                                                      \
    convolve_depthwise<T>(in, weight, weight_stride, bias, residual, residual_stride, out,    \
                          pixels, activation, activates_sum, PICTURE);                        \
  }
FOR_TYPES(DEPTHWISE)
