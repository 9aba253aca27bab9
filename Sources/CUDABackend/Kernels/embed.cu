// The first operation of a pass: pictures to patch rows, and patch rows to tokens.
#include "common.cuh"

/// One block a patch: its values as [channel][y][x], as the flattened convolution weight.
template <typename T>
DEVICE void patch_gather(const float *images, T *rows, int side, int patch, int stride) {
  const int grid = side / patch, depth = 3 * patch * patch;
  const size_t image = blockIdx.y, index = blockIdx.x;
  const float *corner = images + image * 3 * side * side + (index / grid) * patch * side +
                        (index % grid) * patch;
  T *row = rows + (image * gridDim.x + index) * stride;
  for (int i = threadIdx.x; i < stride; i += blockDim.x) {
    const int channel = i / (patch * patch), y = i / patch % patch, x = i % patch;
    from_float(i < depth ? corner[((size_t)channel * side + y) * side + x] : 0.0f, row[i]);
  }
}

/// One warp a token: the prefix, or a patch's product with its position added.
template <typename T>
DEVICE void embed_tokens(const T *product, const float *positions, const float *prefix, T *tokens,
                         int patches, int prefix_tokens, int width) {
  const int token = blockIdx.x * 4 + warp_index(), patch = token - prefix_tokens;
  if (patch >= patches) return;
  const size_t image = blockIdx.y;
  const float *added =
      patch < 0 ? prefix + (size_t)token * width : positions + (size_t)patch * width;
  const T *row = product + (image * patches + patch) * width;
  T *to = tokens + (image * (patches + prefix_tokens) + token) * width;
  if (width % 8 == 0) {
    for (int i = 8 * lane_index(); i < width; i += 256) {
      float value[8], other[8];
      load8(added + i, value);
      if (patch >= 0) {
        load8(row + i, other);
        for (int k = 0; k < 8; k++) value[k] += other[k];
      }
      store8(to + i, value);
    }
  } else {
    for (int i = lane_index(); i < width; i += 32)
      from_float(added[i] + (patch < 0 ? 0.0f : to_float(row[i])), to[i]);
  }
}

#define PATCH_GATHER(T, S)                                                                    \
  KERNEL(patch_gather##S, 128)                                                                \
  (const float *images, T *rows, int side, int patch, int stride) {                           \
    patch_gather(images, rows, side, patch, stride);                                          \
  }
FOR_TYPES(PATCH_GATHER)

#define EMBED_TOKENS(T, S)                                                                    \
  KERNEL(embed_tokens##S, 128)                                                                \
  (const T *product, const float *positions, const float *prefix, T *tokens, int patches,     \
   int prefix_tokens, int width) {                                                            \
    embed_tokens(product, positions, prefix, tokens, patches, prefix_tokens, width);          \
  }
FOR_TYPES(EMBED_TOKENS)
