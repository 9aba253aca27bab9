// Softmax attention of 16 rows by one warp on tensor cores, a tile of keys at a time.
//
// Source of the scheme (online softmax): Dao, "FlashAttention-2", arXiv:2307.08691, algorithm 1.
#ifndef LAB_ATTENTION_CUH
#define LAB_ATTENTION_CUH

#include "mma.cuh"

#if LAB_TENSOR_CORES

/// Takes the logits of a tile of keys, of which the first `count` are there, into the greatest
/// logit and the sum of powers of rows g and g + 8, scales the output, and leaves the powers.
///
/// Logits come unscaled; lane's columns are 8 j + 2 t and the next. A `full` tile asks of no key
/// whether it is there.
template <bool full, int KEYS, int D>
DEVICE void rescale(float (&logits)[KEYS / 8][4], float (&output)[D / 8][4], float (&maximum)[2],
                    float (&sum)[2], int count, float scale, const float *sizes) {
  const int t = lane_index() % 4;
  // Logits stay unscaled: the scale is a factor of the power's one multiply-add.
  if (sizes) {
    const float unscale = 1.0f / scale;
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
      for (int i = 0; i < 2; i++) {
        const int index = j * 8 + 2 * t + i;
        const float bias = full || index < count ? log_2(sizes[index]) * unscale : 0.0f;
        logits[j][i] += bias;
        logits[j][i + 2] += bias;
      }
  }
  if (!full) {
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++)
        if (j * 8 + 2 * t + i % 2 >= count) logits[j][i] = NEGATIVE_INFINITY;
  }
  float new_maximum[2] = {maximum[0], maximum[1]};
#pragma unroll
  for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
    for (int i = 0; i < 4; i++) new_maximum[i / 2] = fmaxf(new_maximum[i / 2], logits[j][i]);
  float offset[2];
#pragma unroll
  for (int r = 0; r < 2; r++) {
    new_maximum[r] = fmaxf(new_maximum[r], __shfl_xor_sync(ALL_LANES, new_maximum[r], 1));
    new_maximum[r] = fmaxf(new_maximum[r], __shfl_xor_sync(ALL_LANES, new_maximum[r], 2));
    const float correction = power_of_2((maximum[r] - new_maximum[r]) * scale);
    maximum[r] = new_maximum[r];
    offset[r] = new_maximum[r] * scale;
    sum[r] *= correction;
#pragma unroll
    for (int j = 0; j < D / 8; j++) {
      output[j][2 * r] *= correction;
      output[j][2 * r + 1] *= correction;
    }
  }
#pragma unroll
  for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
    for (int i = 0; i < 4; i++) {
      // Powers take longer than anything else here: none for keys that are not there.
      logits[j][i] =
          full || j * 8 < count ? power_of_2(logits[j][i] * scale - offset[i / 2]) : 0.0f;
      sum[i / 2] += logits[j][i];
    }
}

/// Adds up what the lanes of a row hold, and scales the greatest logit.
DEVICE void finish(float (&maximum)[2], float (&sum)[2], float scale) {
  for (int r = 0; r < 2; r++) {
    sum[r] += __shfl_xor_sync(ALL_LANES, sum[r], 1);
    sum[r] += __shfl_xor_sync(ALL_LANES, sum[r], 2);
    maximum[r] *= scale;
  }
}

/// 16 rows of queries of one warp, as far as the keys have been seen.
template <typename T, int D, int KEYS>
struct QueryRows {
  /// Halves between two rows of a tile: an odd multiple of 16 bytes, so that eight rows meet eight
  /// banks.
  static constexpr int stride = D + 8;

  unsigned queries[D / 16][4];
  float output[D / 8][4];
  /// Of rows g and g + 8: the greatest unscaled logit, and this lane's part of the sum of powers.
  float maximum[2], sum[2];

  /// `rows` is row 0's query; columns from `head_dim` on are zero.
  __device__ __forceinline__ void begin(const T *rows, int row_stride, int count, int head_dim) {
    const int g = lane_index() / 4;
    begin(rows + (size_t)g * row_stride, rows + (size_t)(g + 8) * row_stride, count, head_dim);
  }

  /// The same of the lane's rows g and g + 8, wherever they are, of 16 the first `count`.
  __device__ __forceinline__ void begin(const T *low, const T *high, int count, int head_dim) {
    const int g = lane_index() / 4, t = lane_index() % 4;
#pragma unroll
    for (int k = 0; k < D / 16; k++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int row = g + i % 2 * 8, column = k * 16 + i / 2 * 8 + 2 * t;
        const bool there = row < count && column < head_dim;
        queries[k][i] = there ? *(const unsigned *)((i % 2 ? high : low) + column) : 0u;
      }
#pragma unroll
    for (int j = 0; j < D / 8; j++)
      for (int i = 0; i < 4; i++) output[j][i] = 0;
    for (int r = 0; r < 2; r++) maximum[r] = NEGATIVE_INFINITY, sum[r] = 0;
  }

  /// Takes a tile of keys and values in, of which the first `count` are there, all of a `full` one.
  ///
  /// `adjust` changes the unscaled logits.
  template <bool full, typename Adjust>
  __device__ __forceinline__ void take(const T *keys, const T *values, int count, float scale,
                                       const float *sizes, Adjust adjust) {
    const int lane = lane_index();
    float logits[KEYS / 8][4];
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++)
      for (int i = 0; i < 4; i++) logits[j][i] = 0;
    // Lane's row of the 16 keys x 16 features that one load brings.
    const SharedAddress key =
        shared_address(keys + (lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8);
#pragma unroll
    for (int pair = 0; pair < KEYS / 16; pair++) {
      if (!full && pair * 16 >= count) continue;
#pragma unroll
      for (int k = 0; k < D / 16; k++) {
        unsigned b[4];
        load_matrices(b, key + (pair * 16 * stride + k * 16) * (int)sizeof(T));
        multiply(logits[2 * pair], queries[k], b[0], b[1], T());
        multiply(logits[2 * pair + 1], queries[k], b[2], b[3], T());
      }
    }

    adjust(logits);
    rescale<full, KEYS, D>(logits, output, maximum, sum, count, scale, sizes);
    const SharedAddress value =
        shared_address(values + (lane / 8 % 2 * 8 + lane % 8) * stride + lane / 16 * 8);
#pragma unroll
    for (int pair = 0; pair < KEYS / 16; pair++) {
      if (!full && pair * 16 >= count) continue;
      const float(&low)[4] = logits[2 * pair], (&high)[4] = logits[2 * pair + 1];
      const unsigned weights[4] = {pack(low[0], low[1], T()), pack(low[2], low[3], T()),
                                   pack(high[0], high[1], T()), pack(high[2], high[3], T())};
#pragma unroll
      for (int j = 0; j < D / 16; j++) {
        unsigned b[4];
        load_matrices_transposed(b, value + (pair * 16 * stride + j * 16) * (int)sizeof(T));
        multiply(output[2 * j], weights, b[0], b[1], T());
        multiply(output[2 * j + 1], weights, b[2], b[3], T());
      }
    }
  }

  template <bool full>
  __device__ __forceinline__ void take(const T *keys, const T *values, int count, float scale,
                                       const float *sizes) {
    take<full>(keys, values, count, scale, sizes, [](float(&)[KEYS / 8][4]) {});
  }

  __device__ __forceinline__ void end(float scale) { finish(maximum, sum, scale); }
};

template <typename T>
DEVICE void store_pair(T *to, float x, float y) {
  *(unsigned *)to = pack(x, y, T());
}
DEVICE void store_pair(float *to, float x, float y) { *(float2 *)to = float2{x, y}; }

#endif
#endif
