// A whole step that drops or fuses tokens: scores, ranks and new tokens in one kernel.
//
// Each block ranks all tokens of its image again, which takes less time than waiting for one more
// launch does.
#include "assemble.cuh"
#include "ranks.cuh"
#include "tail_effect.cuh"

/// Shared memory: 528 numbers of the fused token's sums, the scores, the keys of the tokens (up to
/// a multiple of four), the order.
template <typename T>
DEVICE void reduce_tokens(const T *tokens, float *scores, const float *partials, int row_blocks,
                          int heads_to_average, const float *features, int prefix_tokens,
                          int tokens_in, int tokens_out, int weighting, int *offsets, int *sources,
                          T *out, int width, int fused_blocks) {
  float *shared = (float *)shared_memory(), *own_scores = shared + 528;
  const int padded = (tokens_in + 3) & ~3;
  unsigned *keys = (unsigned *)(own_scores + padded);
  int *order = (int *)(keys + padded);
  const size_t image = blockIdx.y;
  scores += image * tokens_in;

  // What each token is worth: made here of its parts, or there already.
  const bool is_made = partials || features;
  if (partials) {
    partials += image * row_blocks * tokens_in;
    for (int i = threadIdx.x; i < tokens_in; i += 256)
      own_scores[i] = received_sum(partials, row_blocks, tokens_in, i, heads_to_average);
    __syncthreads();
  }
  if (is_made)
    combine_image(
        partials ? own_scores : 0, features ? features + image * tokens_in : 0, 0, 0,
        prefix_tokens, tokens_in, shared, own_scores);
  for (int i = threadIdx.x; i < padded; i += 256) {
    // Special tokens come first, in their order; places after the last token come last.
    unsigned key = i < prefix_tokens ? 0u : 0xFFFFFFFFu;
    if (i < tokens_in) {
      if (!is_made) own_scores[i] = scores[i];
      if (i >= prefix_tokens) key = descending_bits(own_scores[i]);
    }
    keys[i] = key;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < tokens_in; i += 256) order[place_among(keys, padded, i)] = i;
  __syncthreads();

  const bool fuses = fused_blocks > 0;
  const int plain = tokens_out - fuses, plain_blocks = gridDim.x - fused_blocks;
  if (blockIdx.x == 0) {
    for (int i = threadIdx.x; i < tokens_in; i += 256) {
      sources[image * tokens_in + i] = order[i];
      if (is_made) scores[i] = own_scores[i];
    }
    for (int i = threadIdx.x; i <= tokens_out; i += 256)
      offsets[image * (tokens_out + 1) + i] = fuses && i == tokens_out ? tokens_in : i;
  }

  const bool is_fused = (int)blockIdx.x >= plain_blocks;
  const int output = is_fused ? plain : blockIdx.x * 8 + warp_index();
  if (!is_fused && output >= plain) return;
  Sources from;
  from.list = order + output;
  from.count = is_fused ? tokens_in - plain : 1;
  from.is_score_sum = weighting == BY_SCORE && is_fused;
  from.scores = own_scores;
  from.sizes = 0;
  from.by_size = false;
  const T *rows = tokens + image * tokens_in * width;
  T *to = out + (image * tokens_out + output) * width;
  if (is_fused)
    assemble_by_block(
        from, rows, width, ((int)blockIdx.x - plain_blocks) * 64, to, (float *)0, shared);
  else
    assemble_by_warp(from, rows, width, to, (float *)0);
}

#define REDUCE_TOKENS(T, S)                                                                   \
  KERNEL(reduce_tokens##S, 256)                                                               \
  (const T *tokens, float *scores, const float *partials, int row_blocks,                     \
   int heads_to_average, const float *features, int prefix_tokens, int tokens_in,             \
   int tokens_out, int weighting, int *offsets, int *sources, T *out, int width,              \
   int fused_blocks) {                                                                        \
    reduce_tokens(tokens, scores, partials, row_blocks, heads_to_average, features,           \
                  prefix_tokens, tokens_in, tokens_out, weighting, offsets, sources, out,     \
                  width, fused_blocks);                                                       \
  }
FOR_TYPES(REDUCE_TOKENS)
