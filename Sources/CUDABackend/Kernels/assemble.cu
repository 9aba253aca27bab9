// Building the tokens that an assignment describes.
#include "assemble.cuh"

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
    assemble_by_block(from, rows, width, ((int)blockIdx.x - plain_blocks) * 64, to, to_size,
                      (float *)shared_memory());
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
