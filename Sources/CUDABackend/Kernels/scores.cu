// How important each token is, and what tokens are compared by.
#include "tail_effect.cuh"

/// SplitMix64's finaliser.
DEVICE unsigned long long mix(unsigned long long z) {
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ z >> 27) * 0x94D049BB133111EBull;
  return z ^ z >> 31;
}

/// The generator's state moves by a constant, so that each token's number can be had alone.
KERNEL(random_scores, 256)
(const unsigned long long *image_keys, unsigned long long seed, int tokens, float *scores) {
  const int token = blockIdx.x * 256 + threadIdx.x;
  if (token >= tokens) return;
  const size_t image = blockIdx.y;
  const unsigned long long start = mix(seed) ^ mix(image_keys[image] + 1);
  const unsigned long long bits = mix(start + (token + 1ull) * 0x9E3779B97F4A7C15ull);
  // 24 bits fill a float exactly; 2^-24 scales them to [0, 1).
  scores[image * tokens + token] = (float)(unsigned)(bits >> 40) * 5.9604644775390625e-8f;
}

template <typename T>
DEVICE void feature_scores(const T *qkv, int rows, int heads, int head_dim, int feature,
                           int reduction, float *scores) {
  const int row = blockIdx.x * 4 + warp_index();
  if (row >= rows) return;
  const int width = heads * head_dim;
  const T *values = qkv + (size_t)row * 3 * width + feature * width;
  const float score = feature_score(values, heads, head_dim, reduction);
  if (lane_index() == 0) scores[row] = score;
}

/// A warp a token: the mean of the keys over heads, scaled to length 1.
template <typename T>
DEVICE void key_metric(const T *qkv, int rows, int heads, int head_dim, float *metric) {
  const int row = blockIdx.x * 4 + warp_index();
  if (row >= rows) return;
  const int width = heads * head_dim;
  const T *keys = qkv + (size_t)row * 3 * width + width;
  float sums[4] = {}, squares = 0;
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int c = lane_index() + 32 * i;
    if (c >= head_dim) continue;
    for (int head = 0; head < heads; head++) sums[i] += to_float(keys[head * head_dim + c]);
    squares += sums[i] * sums[i];
  }
  // The mean's 1 / heads cancels against the norm.
  const float scale = 1.0f / sqrtf(warp_sum(squares));
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const int c = lane_index() + 32 * i;
    if (c < head_dim) metric[(size_t)row * head_dim + c] = sums[i] * scale;
  }
}

#define SCORES(T, S)                                                                          \
  KERNEL(feature_scores##S, 128)                                                              \
  (const T *qkv, int rows, int heads, int head_dim, int feature, int reduction,               \
   float *scores) { feature_scores(qkv, rows, heads, head_dim, feature, reduction, scores); } \
  KERNEL(key_metric##S, 128)                                                                  \
  (const T *qkv, int rows, int heads, int head_dim, float *metric) {                          \
    key_metric(qkv, rows, heads, head_dim, metric);                                           \
  }
FOR_TYPES(SCORES)

// MARK: The tail-effect score, a block an image

KERNEL(attention_maxima, 256)
(const float *attention, int prefix_tokens, int tokens, float *maxima) {
  float *shared = (float *)shared_memory();
  const float maximum =
      image_maximum(attention + (size_t)blockIdx.x * tokens, prefix_tokens, tokens, shared);
  if (threadIdx.x == 0) maxima[blockIdx.x] = maximum;
}

KERNEL(combine_scores, 256)
(const float *attention, const float *features, const float *maxima, int batch, int prefix_tokens,
 int tokens, float *scores) {
  const size_t first = (size_t)blockIdx.x * tokens;
  combine_image(
      attention ? attention + first : 0, features ? features + first : 0, maxima, batch,
      prefix_tokens, tokens, (float *)shared_memory(), scores + first);
}
