// What the classifier reads: only the tokens that it needs are normalized.
#include "norm.cuh"

/// A warp for each of the first `count` tokens of an image.
template <typename T>
DEVICE void pool_tokens_prefix(const T *stream, const float *weight, const float *bias,
                               float epsilon, int batch, int tokens, int count, int width,
                               T *features, int stride) {
  const int index = blockIdx.x * 4 + warp_index();
  if (index >= batch * count) return;
  const size_t image = index / count, token = index % count;
  normalize_row(
      stream + (image * tokens + token) * width, weight, bias, epsilon, width,
      features + image * stride + token * width);
}

template <int groups, typename T>
DEVICE float2 short_row_moments(const T *x, float epsilon, int width) {
  WarpRow<T, groups> row;
  row.load(x, width);
  return row.moments(width, epsilon);
}

/// Mean and 1 / deviation of each row, a warp a row.
template <typename T>
DEVICE void row_statistics(const T *x, float epsilon, int rows, int width, float *statistics) {
  const int row = blockIdx.x * 4 + warp_index();
  if (row >= rows) return;
  x += (size_t)row * width;
  float2 moments;
#define SHORT(groups) moments = short_row_moments<groups>(x, epsilon, width)
  BY_WIDTH(width, SHORT, moments = long_row_moments(x, width, epsilon))
#undef SHORT
  if (lane_index() == 0) *(float2 *)(statistics + 2 * (size_t)row) = moments;
}

/// The mean of the normalized tokens after the prefix: a block for 64 columns, each warp every
/// eighth token.
template <typename T>
DEVICE void pool_tokens_mean(const T *stream, const float *statistics, const float *weight,
                          const float *bias, int prefix_tokens, int tokens, int width, T *features,
                          int stride) {
  float *sums = (float *)shared_memory();
  const size_t image = blockIdx.y;
  const int warp = warp_index(), column = blockIdx.x * 64 + lane_index();
  float low = 0, high = 0;
#pragma unroll 4
  for (int token = prefix_tokens + warp; token < tokens; token += 8) {
    const size_t row = image * tokens + token;
    const float2 moments = *(const float2 *)(statistics + 2 * row);
    if (column < width) low += (to_float(stream[row * width + column]) - moments.x) * moments.y;
    if (column + 32 < width)
      high += (to_float(stream[row * width + column + 32]) - moments.x) * moments.y;
  }
  sums[warp * 64 + lane_index()] = low;
  sums[warp * 64 + lane_index() + 32] = high;
  __syncthreads();
  const int own = blockIdx.x * 64 + threadIdx.x;
  if (threadIdx.x >= 64 || own >= width) return;
  float sum = 0;
  for (int part = 0; part < 8; part++) sum += sums[part * 64 + threadIdx.x];
  from_float(
      sum / (float)(tokens - prefix_tokens) * weight[own] + bias[own],
      features[image * stride + own]);
}

#define POOL_TOKENS(T, S)                                                                     \
  KERNEL(pool_tokens_prefix##S, 128)                                                          \
  (const T *stream, const float *weight, const float *bias, float epsilon, int batch,         \
   int tokens, int count, int width, T *features, int stride) {                               \
    pool_tokens_prefix(stream, weight, bias, epsilon, batch, tokens, count, width, features,  \
                    stride);                                                                  \
  }                                                                                           \
  KERNEL(row_statistics##S, 128)                                                              \
  (const T *x, float epsilon, int rows, int width, float *statistics) {                       \
    row_statistics(x, epsilon, rows, width, statistics);                                      \
  }                                                                                           \
  KERNEL(pool_tokens_mean##S, 256)                                                            \
  (const T *stream, const float *statistics, const float *weight, const float *bias,          \
   int prefix_tokens, int tokens, int width, T *features, int stride) {                       \
    pool_tokens_mean(stream, statistics, weight, bias, prefix_tokens, tokens, width, features,\
                  stride);                                                                    \
  }
FOR_TYPES(POOL_TOKENS)
