// Softmax attention with plain multiply-adds in float32: for float32 storage, and for cards whose
// tensor cores mma.cuh does not use.
#include "common.cuh"

#if defined(LAB_SIMT) || !LAB_TENSOR_CORES
#define FOR_FMA_TYPES FOR_TYPES
#else
#define FOR_FMA_TYPES(KERNEL) IF_F32(KERNEL(float, _f32))
#endif

DEVICE void store4(float *to, float4 x) { *(float4 *)to = x; }

template <typename T>
DEVICE void store4(T *to, float4 x) {
  *(uint2 *)to = uint2{pack(x.x, x.y, T()), pack(x.z, x.w, T())};
}

DEVICE void add_scaled(float4 &sum, float factor, float4 x) {
  sum.x += factor * x.x, sum.y += factor * x.y, sum.z += factor * x.z, sum.w += factor * x.w;
}

DEVICE void scale_by(float4 &x, float factor) {
  x.x *= factor, x.y *= factor, x.z *= factor, x.w *= factor;
}

/// `rows` lines of `columns` numbers as float32 into lines of `D + 4`, zero where there is nothing.
template <int D, typename T>
DEVICE void load_lines(const T *from, size_t stride, int rows, int there, int columns, float *to) {
  for (int i = threadIdx.x; i < rows * (D / 4); i += blockDim.x) {
    const int row = i / (D / 4), column = i % (D / 4) * 4;
    *(float4 *)(to + row * (D + 4) + column) = row < there && column < columns
                                                   ? load4(from + row * stride + column)
                                                   : float4{0, 0, 0, 0};
  }
}

/// One block: R rows of queries; thread (y, x) of 16 x 8 has rows y + 16 i, keys x + 8 j and
/// columns 4 x + 32 c.
template <typename T, int D, int R>
DEVICE void attention_fma(const T *qkv, const float *token_size, T *out, float *lse, int tokens,
                          int heads, int head_dim, float scale) {
  constexpr int own = R / 16, keys = 32, line = D + 4, weight_line = keys + 4;
  float *queries = (float *)shared_memory();
  // Keys and then values of a tile.
  float *tile = queries + R * line;
  float *weights = tile + keys * line;
  const int y = threadIdx.x / 8, x = threadIdx.x % 8;
  const int first_row = blockIdx.x * R;
  const int width = heads * head_dim;
  const size_t image = blockIdx.z, head = blockIdx.y, stride = 3 * width;
  const T *rows = qkv + image * tokens * stride + head * head_dim;
  const float *sizes = token_size ? token_size + image * tokens : 0;
  load_lines<D>(
      rows + first_row * stride, stride, R, tokens - first_row, head_dim, queries);

  float4 output[own][D / 32];
  float maximum[own], sum[own];
#pragma unroll
  for (int i = 0; i < own; i++) {
    maximum[i] = NEGATIVE_INFINITY, sum[i] = 0;
    for (int c = 0; c < D / 32; c++) output[i][c] = float4{0, 0, 0, 0};
  }
  for (int first_key = 0; first_key < tokens; first_key += keys) {
    const int count = min(keys, tokens - first_key);
    const T *key_rows = rows + first_key * stride + width;
    __syncthreads();
    load_lines<D>(key_rows, stride, keys, count, head_dim, tile);
    __syncthreads();
    float logits[own][4] = {};
#pragma unroll 4
    for (int d = 0; d < D; d += 4) {
      float4 q[own], k[4];
#pragma unroll
      for (int i = 0; i < own; i++) q[i] = load4(queries + (y + 16 * i) * line + d);
#pragma unroll
      for (int j = 0; j < 4; j++) k[j] = load4(tile + (x + 8 * j) * line + d);
#pragma unroll
      for (int i = 0; i < own; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) logits[i][j] = dot(q[i], k[j], logits[i][j]);
    }
    __syncthreads();
    load_lines<D>(key_rows + width, stride, keys, count, head_dim, tile);
#pragma unroll
    for (int i = 0; i < own; i++) {
      float new_maximum = maximum[i];
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const int key = x + 8 * j;
        float logit = logits[i][j] * scale;
        if (key >= count) logit = NEGATIVE_INFINITY;
        else if (sizes) logit += log2f(sizes[first_key + key]);
        logits[i][j] = logit;
        new_maximum = fmaxf(new_maximum, logit);
      }
      // Eight neighboring lanes share a row.
      for (int distance = 1; distance < 8; distance *= 2)
        new_maximum = fmaxf(new_maximum, __shfl_xor_sync(ALL_LANES, new_maximum, distance));
      const float correction = power_of_2(maximum[i] - new_maximum);
      maximum[i] = new_maximum;
      sum[i] *= correction;
#pragma unroll
      for (int c = 0; c < D / 32; c++) scale_by(output[i][c], correction);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        const float weight = power_of_2(logits[i][j] - new_maximum);
        sum[i] += weight;
        weights[(y + 16 * i) * weight_line + x + 8 * j] = weight;
      }
    }
    __syncthreads();
    for (int key = 0; key < keys; key += 4) {
      float4 w[own];
#pragma unroll
      for (int i = 0; i < own; i++) w[i] = load4(weights + (y + 16 * i) * weight_line + key);
#pragma unroll
      for (int c = 0; c < D / 32; c++) {
        const float *value = tile + key * line + 4 * x + 32 * c;
        const float4 v0 = load4(value), v1 = load4(value + line), v2 = load4(value + 2 * line),
                     v3 = load4(value + 3 * line);
#pragma unroll
        for (int i = 0; i < own; i++) {
          add_scaled(output[i][c], w[i].x, v0);
          add_scaled(output[i][c], w[i].y, v1);
          add_scaled(output[i][c], w[i].z, v2);
          add_scaled(output[i][c], w[i].w, v3);
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < own; i++) {
    for (int distance = 1; distance < 8; distance *= 2)
      sum[i] += __shfl_xor_sync(ALL_LANES, sum[i], distance);
    const int row = first_row + y + 16 * i;
    if (row >= tokens) continue;
    const float inverse = 1.0f / sum[i];
    T *to = out + (image * tokens + row) * width + head * head_dim;
#pragma unroll
    for (int c = 0; c < D / 32; c++) {
      scale_by(output[i][c], inverse);
      if (4 * x + 32 * c < head_dim) store4(to + 4 * x + 32 * c, output[i][c]);
    }
    if (lse && x == 0) lse[(image * heads + head) * tokens + row] = maximum[i] + log2f(sum[i]);
  }
}

#define ATTENTION_FMA(T, S, D, R)                                                             \
  KERNEL(attention_fma_d##D##_r##R##S, 128)                                                   \
  (const T *qkv, const float *token_size, T *out, float *lse, int tokens, int heads,          \
   int head_dim, float scale) {                                                               \
    attention_fma<T, D, R>(qkv, token_size, out, lse, tokens, heads, head_dim, scale);        \
  }
#define ALL_WIDTHS(T, S)                                                                      \
  ATTENTION_FMA(T, S, 32, 64) ATTENTION_FMA(T, S, 32, 16) ATTENTION_FMA(T, S, 64, 64)         \
  ATTENTION_FMA(T, S, 64, 16) ATTENTION_FMA(T, S, 128, 32) ATTENTION_FMA(T, S, 128, 16)
FOR_FMA_TYPES(ALL_WIDTHS)
