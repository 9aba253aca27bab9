// Softmax attention on tensor cores, in half precision or tf32 with float32 sums; [B, H, N, N] is
// never stored.
#include "attention.cuh"

#if LAB_TENSOR_CORES

/// The same in float32 storage, rounded to tf32 as it meets the tensor cores.
template <int D, int KEYS>
struct QueryRows<float, D, KEYS> {
  /// Floats between two rows of a tile: an odd multiple of 16 bytes.
  static constexpr int stride = D + 4;

  unsigned queries[D / 8][4];
  float output[D / 8][4];
  float maximum[2], sum[2];

  __device__ __forceinline__ void begin(const float *rows, int row_stride, int count,
                                        int head_dim) {
    const int g = lane_index() / 4, t = lane_index() % 4;
#pragma unroll
    for (int k = 0; k < D / 8; k++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int row = g + i % 2 * 8, column = k * 8 + t + i / 2 * 4;
        const bool there = row < count && column < head_dim;
        queries[k][i] = round_tf32(there ? rows[(size_t)row * row_stride + column] : 0.0f);
      }
#pragma unroll
    for (int j = 0; j < D / 8; j++)
      for (int i = 0; i < 4; i++) output[j][i] = 0;
    for (int r = 0; r < 2; r++) maximum[r] = NEGATIVE_INFINITY, sum[r] = 0;
  }

  template <bool full>
  __device__ __forceinline__ void take(const float *keys, const float *values, int count,
                                       float scale, const float *sizes) {
    const int g = lane_index() / 4, t = lane_index() % 4;
    float logits[KEYS / 8][4];
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++) {
      for (int i = 0; i < 4; i++) logits[j][i] = 0;
      if (!full && j * 8 >= count) continue;
      const float *key = keys + (j * 8 + g) * stride + t;
#pragma unroll
      for (int k = 0; k < D / 8; k++)
        multiply_tf32(logits[j], queries[k], round_tf32(key[k * 8]), round_tf32(key[k * 8 + 4]));
    }
    rescale<full, KEYS, D>(logits, output, maximum, sum, count, scale, sizes);
    // A lane has the weights of keys 2 t and 2 t + 1 where the product wants t and t + 4: the terms
    // of the sum are taken in that order on both sides.
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++) {
      if (!full && j * 8 >= count) continue;
      const unsigned weights[4] = {round_tf32(logits[j][0]), round_tf32(logits[j][2]),
                                   round_tf32(logits[j][1]), round_tf32(logits[j][3])};
      const float *value = values + (j * 8 + 2 * t) * stride + g;
#pragma unroll
      for (int c = 0; c < D / 8; c++)
        multiply_tf32(output[c], weights, round_tf32(value[c * 8]),
                      round_tf32(value[stride + c * 8]));
    }
  }

  __device__ __forceinline__ void end(float scale) { finish(maximum, sum, scale); }
};

/// One block: 16 rows for each of W warps, by G groups of W warps that take every G-th tile of
/// keys.
template <typename T, int D, int KEYS>
DEVICE void attention_mma(const T *qkv, const float *token_size, T *out, float *lse, int tokens,
                          int heads, int head_dim, float scale, int key_groups) {
  typedef QueryRows<T, D, KEYS> Rows;
  T *tiles = (T *)shared_memory();
  const int row_warps = (blockDim.x >> 5) / key_groups;
  const int group = warp_index() / row_warps, row_warp = warp_index() % row_warps;
  const int first_row = (blockIdx.x * row_warps + row_warp) * 16;
  const int width = heads * head_dim;
  const size_t image = blockIdx.z, head = blockIdx.y;
  const T *queries = qkv + image * tokens * 3 * width + head * head_dim;
  const float *sizes = token_size ? token_size + image * tokens : 0;
  const int tile_count = (tokens + KEYS - 1) / KEYS;
  const int steps = (tile_count + key_groups - 1) / key_groups;
  const int tile_size = KEYS * Rows::stride;
  T *own = tiles + group * min(2, steps) * 2 * tile_size;

  auto load = [&](int step) {
    const int first_key = (step * key_groups + group) * KEYS;
    T *to = own + (step & 1) * 2 * tile_size;
    if (first_key < tokens) {
      const int index = threadIdx.x - group * row_warps * 32;
      // Sixteen bytes at a time.
      constexpr int piece = 16 / sizeof(T);
      for (int i = index; i < KEYS * (D / piece); i += row_warps * 32) {
        const int key = i / (D / piece), column = i % (D / piece) * piece;
        const bool there = first_key + key < tokens && column < head_dim;
        const T *from =
            there ? queries + (size_t)(first_key + key) * 3 * width + width + column : queries;
        copy_async(to + key * Rows::stride + column, from, there);
        copy_async(to + tile_size + key * Rows::stride + column, there ? from + width : from,
                   there);
      }
    }
    commit_copies();
  };

  wait_for_previous();
  let_next_start();
  Rows rows;
  load(0);
  rows.begin(
      queries + (size_t)first_row * 3 * width, 3 * width, tokens - first_row, head_dim);
  for (int step = 0; step < steps; step++) {
    wait_copies<0>();
    // What this thread has copied is there for all, and the other stage has been read by all.
    __syncthreads();
    if (step + 1 < steps) load(step + 1);
    const int first_key = (step * key_groups + group) * KEYS;
    const T *keys = own + (step & 1) * 2 * tile_size;
    if (first_key >= tokens || first_row >= tokens) continue;
    const float *own_sizes = sizes ? sizes + first_key : 0;
    if (first_key + KEYS <= tokens) {
      rows.template take<true>(keys, keys + tile_size, KEYS, scale, own_sizes);
    } else {
      rows.template take<false>(keys, keys + tile_size, tokens - first_key, scale, own_sizes);
    }
  }
  rows.end(scale);

  const int g = lane_index() / 4, t = lane_index() % 4;
  const size_t head_row = (image * heads + head) * tokens;
  if (key_groups == 1) {
    for (int r = 0; r < 2; r++) {
      const int row = first_row + g + 8 * r;
      if (row >= tokens) continue;
      const float inverse = 1.0f / rows.sum[r];
      T *to = out + (image * tokens + row) * width + head * head_dim;
#pragma unroll
      for (int j = 0; j < D / 8; j++)
        if (j * 8 < head_dim)
          store_pair(to + j * 8 + 2 * t, rows.output[j][2 * r] * inverse,
                     rows.output[j][2 * r + 1] * inverse);
      if (lse && t == 0) lse[head_row + row] = rows.maximum[r] + log_2(rows.sum[r]);
    }
    return;
  }

  // Each group's rows of D sums, greatest logit and sum of powers; the tiles are no longer needed.
  constexpr int line = D + 4;
  float *partials = (float *)shared_memory();
  __syncthreads();
  for (int r = 0; r < 2; r++) {
    float *to = partials + ((group * row_warps + row_warp) * 16 + g + 8 * r) * line;
#pragma unroll
    for (int j = 0; j < D / 8; j++)
      *(float2 *)(to + j * 8 + 2 * t) = float2{rows.output[j][2 * r], rows.output[j][2 * r + 1]};
    if (t == 0) to[D] = rows.maximum[r], to[D + 1] = rows.sum[r];
  }
  __syncthreads();
  const int block_row = blockIdx.x * row_warps * 16;
  for (int i = threadIdx.x; i < row_warps * 16 * (D / 2); i += blockDim.x) {
    const int row = i / (D / 2), column = i % (D / 2) * 2;
    if (block_row + row >= tokens || column >= head_dim) continue;
    const float *from = partials + row * line;
    const int next = row_warps * 16 * line;
    float maximum = from[D];
    for (int k = 1; k < key_groups; k++) maximum = fmaxf(maximum, from[k * next + D]);
    float sum = 0, x = 0, y = 0;
    for (int k = 0; k < key_groups; k++) {
      const float weight = power_of_2(from[k * next + D] - maximum);
      sum += weight * from[k * next + D + 1];
      x += weight * from[k * next + column];
      y += weight * from[k * next + column + 1];
    }
    const float inverse = 1.0f / sum;
    T *to = out + (image * tokens + block_row + row) * width + head * head_dim + column;
    store_pair(to, x * inverse, y * inverse);
    if (lse && column == 0) lse[head_row + block_row + row] = maximum + log_2(sum);
  }
}

#define ATTENTION_MMA(T, S, D, KEYS)                                                          \
  RESIDENT_KERNEL(attention_mma_d##D##S, 256, D == 64 ? 2 : 1)                                \
  (const T *qkv, const float *token_size, T *out, float *lse, int tokens, int heads,          \
   int head_dim, float scale, int key_groups) {                                               \
    attention_mma<T, D, KEYS>(qkv, token_size, out, lse, tokens, heads, head_dim, scale,      \
                              key_groups);                                                    \
  }
#define ALL_WIDTHS(T, S)                                                                      \
  ATTENTION_MMA(T, S, 32, 64) ATTENTION_MMA(T, S, 64, 64) ATTENTION_MMA(T, S, 128, 32)
FOR_TENSOR_TYPES(ALL_WIDTHS)
#if LAB_TF32
#define ALL_WIDTHS_TF32(T, S)                                                                 \
  ATTENTION_MMA(T, S, 32, 32) ATTENTION_MMA(T, S, 64, 32) ATTENTION_MMA(T, S, 128, 16)
IF_F32(ALL_WIDTHS_TF32(float, _f32))
#endif

#endif
