// Building the tokens that an assignment describes.
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

/// 64 columns of a token of many sources by one block: each warp adds every eighth source.
template <typename T>
DEVICE void assemble_by_block(const Sources &from, const T *tokens, int width, int first_column,
                              T *out, float *out_size) {
  float *sums = (float *)shared_memory(), *totals = sums + 8 * 64, *sizes = totals + 8;
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

template <typename T>
DEVICE void assemble(const T *tokens, const int *offsets, const int *sources, int weighting,
                     const float *scores, const float *sizes, T *out, float *out_sizes,
                     int tokens_in, int tokens_out, int width, int fused_blocks) {
  const size_t image = blockIdx.y;
  const int plain_blocks = gridDim.x - fused_blocks;
  const bool is_fused = (int)blockIdx.x >= plain_blocks;
  const int plain = tokens_out - (fused_blocks > 0);
  const int output = is_fused ? tokens_out - 1 : blockIdx.x * 8 + warp_index();
  if (!is_fused && output >= plain) return;
  const int *bounds = offsets + image * (tokens_out + 1) + output;
  Sources from;
  from.list = sources + image * tokens_in + bounds[0];
  from.count = bounds[1] - bounds[0];
  from.is_score_sum = weighting == BY_SCORE && output == tokens_out - 1;
  from.scores = scores ? scores + image * tokens_in : 0;
  from.sizes = sizes ? sizes + image * tokens_in : 0;
  from.by_size = weighting == BY_SIZE;
  const T *rows = tokens + image * tokens_in * width;
  T *to = out + (image * tokens_out + output) * width;
  float *to_size = out_sizes ? out_sizes + image * tokens_out + output : 0;
  if (is_fused)
    assemble_by_block(from, rows, width, ((int)blockIdx.x - plain_blocks) * 64, to, to_size);
  else
    assemble_by_warp(from, rows, width, to, to_size);
}

#define ASSEMBLE(T, S)                                                                        \
  KERNEL(assemble##S, 256)                                                                    \
  (const T *tokens, const int *offsets, const int *sources, int weighting,                    \
   const float *scores, const float *sizes, T *out, float *out_sizes, int tokens_in,          \
   int tokens_out, int width, int fused_blocks) {                                             \
    assemble(tokens, offsets, sources, weighting, scores, sizes, out, out_sizes, tokens_in,   \
             tokens_out, width, fused_blocks);                                                \
  }
FOR_TYPES(ASSEMBLE)
