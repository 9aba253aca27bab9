// The tail-effect score of tokens, from what they hold and what they receive.
#ifndef LAB_TAIL_EFFECT_CUH
#define LAB_TAIL_EFFECT_CUH

#include "common.cuh"

enum { HEADS_MAX = 0, HEADS_MEAN = 1, HEADS_SUM = 2 };

/// By one warp: the sum over features of what the heads of a token are reduced to. `values` are the
/// token's queries, keys or values.
template <typename T>
DEVICE float feature_score(const T *values, int heads, int head_dim, int reduction) {
  const int width = heads * head_dim;
  float sum = 0;
  if (reduction == HEADS_MAX) {
    for (int c = lane_index(); c < head_dim; c += 32) {
      float largest = to_float(values[c]);
      for (int head = 1; head < heads; head++)
        largest = fmaxf(largest, to_float(values[head * head_dim + c]));
      sum += largest;
    }
  } else {
    for (int c = lane_index(); c < width; c += 32) sum += to_float(values[c]);
  }
  sum = warp_sum(sum);
  return reduction == HEADS_MEAN ? sum / (float)heads : sum;
}

/// The largest of [first, tokens), in every thread of the block.
DEVICE float image_maximum(const float *values, int first, int tokens, float *shared) {
  float largest = NEGATIVE_INFINITY;
  for (int token = first + threadIdx.x; token < tokens; token += blockDim.x)
    largest = fmaxf(largest, values[token]);
  return block_max(largest, shared);
}

/// The scores of one image's tokens by one block; either part may be a null pointer. `shared` holds
/// a number for each warp.
///
/// `scores` may be `attention`: each thread reads only what it overwrites itself, once the maximum
/// is known.
DEVICE void combine_image(const float *attention, const float *features, const float *maxima,
                          int batch, int prefix_tokens, int tokens, float *shared, float *scores) {
  float divisor = 1, largest = 0, scale = 0;
  if (attention)
    divisor = maxima ? image_maximum(maxima, 0, batch, shared)
                     : image_maximum(attention, prefix_tokens, tokens, shared);
  if (features) {
    // Over all tokens, special ones included.
    largest = image_maximum(features, 0, tokens, shared);
    float sum = 0;
    for (int token = threadIdx.x; token < tokens; token += blockDim.x)
      sum += expf(features[token] - largest);
    scale = 1.0f / block_sum(sum, shared);
  }
  for (int token = threadIdx.x; token < tokens; token += blockDim.x) {
    float score = 0;
    if (attention && token >= prefix_tokens) score = attention[token] / divisor;
    if (features) score += expf(features[token] - largest) * scale;
    scores[token] = score;
  }
}

/// What a token receives: the sums of `row_blocks` blocks of rows, in their order.
DEVICE float received_sum(const float *partials, int row_blocks, int tokens, int token,
                          int heads_to_average) {
  float sum = 0;
#pragma unroll 4
  for (int block = 0; block < row_blocks; block++) sum += partials[(size_t)block * tokens + token];
  return sum / (float)heads_to_average;
}

#endif
