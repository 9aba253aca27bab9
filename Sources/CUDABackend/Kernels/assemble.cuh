// One new token from its sources.
#ifndef LAB_ASSEMBLE_CUH
#define LAB_ASSEMBLE_CUH

#include "common.cuh"

enum { BY_MEAN = 0, BY_SIZE = 1, BY_SCORE = 2 };

/// One output token's list of sources.
struct Sources {
  const int *list;
  int count;
  /// The sum is not divided by the weights' (EViT's fused token).
  bool is_score_sum;
  const float *scores, *sizes;
  bool by_size;

  __device__ __forceinline__ float weight(int source) const {
    return is_score_sum ? scores[source] : by_size ? sizes[source] : 1.0f;
  }
};

/// A token by one warp, the sources added in their order.
template <typename T>
DEVICE void assemble_by_warp(const Sources &from, const T *tokens, int width, T *out,
                             float *out_size) {
  const bool copies = from.count == 1 && !from.is_score_sum;
  float total = 0, size = 0;
  for (int k = 0; k < from.count; k++) {
    total += from.weight(from.list[k]);
    if (from.sizes) size += from.sizes[from.list[k]];
  }
  const float scale = from.is_score_sum || copies ? 1.0f : 1.0f / total;
  if (width % 8 == 0) {
    for (int column = lane_index() * 8; column < width; column += 256) {
      float sums[8] = {}, value[8];
#pragma unroll 4
      for (int k = 0; k < from.count; k++) {
        const int source = from.list[k];
        const float weight = copies ? 1.0f : from.weight(source);
        load8(tokens + (size_t)source * width + column, value);
        for (int i = 0; i < 8; i++) sums[i] += weight * value[i];
      }
      for (int i = 0; i < 8; i++) sums[i] *= scale;
      store8(out + column, sums);
    }
  } else {
    for (int column = lane_index(); column < width; column += 32) {
      float sum = 0;
      for (int k = 0; k < from.count; k++) {
        const float weight = copies ? 1.0f : from.weight(from.list[k]);
        sum += weight * to_float(tokens[(size_t)from.list[k] * width + column]);
      }
      from_float(sum * scale, out[column]);
    }
  }
  if (out_size && lane_index() == 0) *out_size = size;
}

/// 64 columns of a token of many sources by one block: each warp adds every eighth source. `shared`
/// holds 528 numbers.
template <typename T>
DEVICE void assemble_by_block(const Sources &from, const T *tokens, int width, int first_column,
                              T *out, float *out_size, float *shared) {
  float *sums = shared, *totals = sums + 8 * 64, *sizes = totals + 8;
  const int warp = warp_index(), column = first_column + lane_index();
  float low = 0, high = 0, total = 0, size = 0;
#pragma unroll 4
  for (int k = warp; k < from.count; k += 8) {
    const int source = from.list[k];
    const float weight = from.weight(source);
    const T *row = tokens + (size_t)source * width;
    total += weight;
    if (from.sizes) size += from.sizes[source];
    if (column < width) low += weight * to_float(row[column]);
    if (column + 32 < width) high += weight * to_float(row[column + 32]);
  }
  sums[warp * 64 + lane_index()] = low;
  sums[warp * 64 + lane_index() + 32] = high;
  if (lane_index() == 0) totals[warp] = total, sizes[warp] = size;
  __syncthreads();
  const int own = threadIdx.x;
  if (own >= 64) return;
  float sum = 0;
  total = size = 0;
  for (int part = 0; part < 8; part++) {
    sum += sums[part * 64 + own];
    total += totals[part];
    size += sizes[part];
  }
  if (first_column + own < width)
    from_float(from.is_score_sum ? sum : sum * (1.0f / total), out[first_column + own]);
  if (out_size && first_column + own == 0) *out_size = size;
}

#endif
