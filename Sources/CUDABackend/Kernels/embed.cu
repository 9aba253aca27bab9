// The first operation of a pass: pictures to patch rows, and patch rows to tokens.
#include "common.cuh"

DEVICE void read_line(const float *from, float (&to)[1]) { to[0] = from[0]; }
DEVICE void read_line(const float *from, float (&to)[2]) {
  const float2 x = *(const float2 *)from;
  to[0] = x.x, to[1] = x.y;
}
DEVICE void read_line(const float *from, float (&to)[4]) {
  const float4 x = *(const float4 *)from;
  to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
}

template <typename T>
DEVICE void write_line(T *to, const float (&from)[1]) {
  from_float(from[0], to[0]);
}
DEVICE void write_line(float *to, const float (&from)[2]) {
  *(float2 *)to = float2{from[0], from[1]};
}
DEVICE void write_line(float *to, const float (&from)[4]) {
  *(float4 *)to = float4{from[0], from[1], from[2], from[3]};
}
template <typename T>
DEVICE void write_line(T *to, const float (&from)[2]) {
  *(unsigned *)to = pack(from[0], from[1], T());
}
template <typename T>
DEVICE void write_line(T *to, const float (&from)[4]) {
  *(uint2 *)to = uint2{pack(from[0], from[1], T()), pack(from[2], from[3], T())};
}

/// One block a patch: its values as [channel][y][x], as the flattened convolution weight, `count`
/// of a line at once.
template <int count, typename T>
DEVICE void gather_lines(const float *images, T *rows, int side, int patch, int stride) {
  const int grid = side / patch, inputs = 3 * patch * patch;
  const size_t image = blockIdx.y, index = blockIdx.x;
  const float *corner = images + image * 3 * side * side + (index / grid) * patch * side +
                        (index % grid) * patch;
  T *row = rows + (image * gridDim.x + index) * stride;
  for (int i = threadIdx.x * count; i < stride; i += blockDim.x * count) {
    const int line = i / patch, x = i - line * patch, channel = line / patch,
              y = line - channel * patch;
    float values[count] = {};
    if (i < inputs) read_line(corner + ((size_t)channel * side + y) * side + x, values);
    write_line(row + i, values);
  }
}

template <typename T>
DEVICE void patch_gather(const float *images, T *rows, int side, int patch, int stride) {
  const int divisor = side | patch | stride;
  if (divisor % 4 == 0) gather_lines<4>(images, rows, side, patch, stride);
  else if (divisor % 2 == 0) gather_lines<2>(images, rows, side, patch, stride);
  else gather_lines<1>(images, rows, side, patch, stride);
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
  const T *row = patch < 0 ? nullptr : product + (image * patches + patch) * width;
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

// MARK: Pixels

/// A thread a pixel: 8-bit pixels [B, S, S, 3] to images [B, 3, S, S] by a table [3][256] of what
/// each value of each channel becomes, the same numbers as on the processor.
KERNEL(normalize_pixels, 256)
(const unsigned char *pixels, const float *table, float *images, int area) {
  const int pixel = blockIdx.x * 256 + threadIdx.x;
  if (pixel >= area) return;
  const unsigned char *from = pixels + ((size_t)blockIdx.y * area + pixel) * 3;
  float *to = images + (size_t)blockIdx.y * 3 * area + pixel;
#pragma unroll
  for (int channel = 0; channel < 3; channel++)
    to[(size_t)channel * area] = table[channel * 256 + from[channel]];
}
