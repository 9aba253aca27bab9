// What a token's score takes from an attention, from the log-sum-exp of its rows: weights are made
// again, tile by tile, and reduced before they leave the registers.
#include "mma.cuh"
#include "tail_effect.cuh"

DEVICE float log_size(const float *sizes, int token) { return sizes ? log2f(sizes[token]) : 0.0f; }

DEVICE float reduced(int reduction, float so_far, float weight) {
  return reduction == HEADS_MAX ? fmaxf(so_far, weight) : so_far + weight;
}

// MARK: The class token's row, a warp a key

template <typename T>
DEVICE void class_attention(const T *qkv, const float *token_size, const float *lse, int tokens,
                            int heads, int head_dim, float scale, float *scores) {
  const int token = blockIdx.x * 8 + warp_index();
  if (token >= tokens) return;
  const size_t image = blockIdx.y;
  const int width = heads * head_dim;
  const T *query = qkv + image * tokens * 3 * width;
  const T *key = query + (size_t)token * 3 * width + width;
  const float bias = log_size(token_size ? token_size + image * tokens : 0, token);
  float sum = 0;
  for (int head = 0; head < heads; head++) {
    float part = 0;
    for (int c = lane_index(); c < head_dim; c += 32)
      part += to_float(query[head * head_dim + c]) * to_float(key[head * head_dim + c]);
    sum += power_of_2(warp_sum(part) * scale + bias - lse[(image * heads + head) * tokens]);
  }
  if (lane_index() == 0) scores[image * tokens + token] = sum / (float)heads;
}

#define CLASS_ATTENTION(T, S)                                                                 \
  KERNEL(class_attention##S, 256)                                                             \
  (const T *qkv, const float *token_size, const float *lse, int tokens, int heads,            \
   int head_dim, float scale, float *scores) {                                                \
    class_attention(qkv, token_size, lse, tokens, heads, head_dim, scale, scores);            \
  }
FOR_TYPES(CLASS_ATTENTION)

// MARK: Sums over patch rows of a tile of the attention

/// What the blocks after the tiles of rows do: the scores of what tokens hold, a warp a token.
struct Features {
  /// [B, N], or a null pointer where there are no such blocks.
  float *scores;
  int feature, reduction;
};

/// Whether this block is one of those; then its part is done.
template <typename T>
DEVICE bool score_features(const T *qkv, int tokens, int heads, int head_dim, int row_blocks,
                           const Features &to) {
  if ((int)blockIdx.y < row_blocks) return false;
  const int warps = blockDim.x >> 5, width = heads * head_dim;
  const int token = ((blockIdx.y - row_blocks) * gridDim.x + blockIdx.x) * warps + warp_index();
  if (token < tokens) {
    const size_t row = (size_t)blockIdx.z * tokens + token;
    const float score = feature_score(
        qkv + row * 3 * width + to.feature * width, heads, head_dim, to.reduction);
    if (lane_index() == 0) to.scores[row] = score;
  }
  return true;
}

#define RECEIVED_PARAMETERS(T)                                                                \
  const T *qkv, const float *token_size, const float *lse, int tokens, int heads,             \
      int head_dim, float scale, int prefix_tokens, int reduction, int row_blocks,            \
      float *partials, float *features, int feature, int feature_reduction
#define RECEIVED_BODY(function)                                                               \
  {                                                                                           \
    const Features to{features, feature, feature_reduction};                                  \
    if (score_features(qkv, tokens, heads, head_dim, row_blocks, to)) return;                 \
    function(qkv, token_size, lse, tokens, heads, head_dim, scale, prefix_tokens, reduction,  \
             row_blocks, partials);                                                           \
  }

/// What each warp has of 16 rows and `keys` columns meets in the first one's memory, and is summed
/// over the rows that count.
///
/// A warp's part begins every `next` numbers of shared memory, and only the warp itself has used
/// what is there.
template <int keys, int next>
DEVICE void meet_heads(int tokens, int prefix_tokens, int reduction, float *partials) {
  float *all = (float *)shared_memory();
  const int warps = blockDim.x >> 5;
  __syncthreads();
  for (int i = threadIdx.x; i < 16 * keys; i += blockDim.x) {
    const int row = blockIdx.y * 16 + i / keys;
    float weight = all[i];
    for (int warp = 1; warp < warps; warp++)
      weight = reduced(reduction, weight, all[warp * next + i]);
    all[i] = row >= prefix_tokens && row < tokens ? weight : 0.0f;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < keys; i += blockDim.x) {
    const int key = blockIdx.x * keys + i;
    if (key >= tokens) continue;
    float sum = 0;
#pragma unroll
    for (int line = 0; line < 16; line++) sum += all[line * keys + i];
    partials[key] = sum;
  }
}

/// Adds up each key's sums of all parts of a block, [parts][64] in shared memory.
DEVICE void add_parts(const float *columns, int parts, int first_key, int tokens, float *to) {
  __syncthreads();
  const int key = first_key + threadIdx.x;
  if (threadIdx.x >= 64 || key >= tokens) return;
  float sum = 0;
  for (int part = 0; part < parts; part++) sum += columns[part * 64 + threadIdx.x];
  to[key] = sum;
}

#if LAB_TENSOR_CORES

/// Logits of 16 rows and 64 keys of one warp, from 64 features of both.
template <int stride, typename T>
DEVICE void multiply_tile(float (&logits)[8][4], const T *queries, const T *keys) {
  const int lane = lane_index();
  const T *query = queries + lane % 16 * stride + lane / 16 * 8;
  const T *key = keys + (lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8;
#pragma unroll
  for (int k = 0; k < 4; k++) {
    unsigned a[4];
    load_matrices(a, query + k * 16);
#pragma unroll
    for (int pair = 0; pair < 4; pair++) {
      unsigned b[4];
      load_matrices(b, key + pair * 16 * stride + k * 16);
      multiply(logits[2 * pair], a, b[0], b[1], T());
      multiply(logits[2 * pair + 1], a, b[2], b[3], T());
    }
  }
}

/// Four warps of 16 rows; features come in chunks of 64, of which the next is on its way while one
/// is used.
template <typename T>
DEVICE void received_attention_mma(const T *qkv, const float *token_size, const float *lse,
                                   int tokens, int heads, int head_dim, float scale,
                                   int prefix_tokens, int reduction, int row_blocks,
                                   float *partials) {
  constexpr int stride = 72, tile_size = 64 * stride;
  T *tiles = (T *)shared_memory();
  const int lane = lane_index(), g = lane / 4, t = lane % 4;
  const int first_key = blockIdx.x * 64, first_row = blockIdx.y * 64;
  const int row = first_row + warp_index() * 16 + g;
  const int width = heads * head_dim;
  const size_t image = blockIdx.z;
  const T *rows = qkv + image * tokens * 3 * width;
  const float *sizes = token_size ? token_size + image * tokens : 0;
  const int chunks = (head_dim + 63) / 64, steps = heads * chunks;

  auto load = [&](int step) {
    T *to = tiles + (step & 1) * 2 * tile_size;
    const int column = step % chunks * 64, offset = step / chunks * head_dim + column;
    for (int i = threadIdx.x; i < 2 * 64 * 8; i += blockDim.x) {
      const int keys = i / 512, line = i / 8 % 64, c = i % 8 * 8;
      const int token = (keys ? first_key : first_row) + line;
      const bool there = token < tokens && column + c < head_dim;
      const T *from = there ? rows + (size_t)token * 3 * width + keys * width + offset + c : rows;
      copy_async(to + keys * tile_size + line * stride + c, from, there);
    }
    commit_copies();
  };

  float sums[8][4] = {}, logits[8][4] = {}, bias[8][2];
#pragma unroll
  for (int j = 0; j < 8; j++)
    for (int i = 0; i < 2; i++) {
      const int key = first_key + 8 * j + 2 * t + i;
      bias[j][i] = key < tokens ? log_size(sizes, key) : 0.0f;
    }
  load(0);
  for (int step = 0; step < steps; step++) {
    wait_copies<0>();
    __syncthreads();
    if (step + 1 < steps) load(step + 1);
    const T *queries = tiles + (step & 1) * 2 * tile_size, *keys = queries + tile_size;
    multiply_tile<stride>(logits, queries + warp_index() * 16 * stride, keys);
    if (step % chunks != chunks - 1) continue;
    const float *head_lse = lse + (image * heads + step / chunks) * tokens;
    const float row_lse[2] = {row < tokens ? head_lse[row] : 0.0f,
                              row + 8 < tokens ? head_lse[row + 8] : 0.0f};
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const float weight = power_of_2(logits[j][i] * scale + bias[j][i % 2] - row_lse[i / 2]);
        sums[j][i] = reduced(reduction, sums[j][i], weight);
        logits[j][i] = 0;
      }
  }

  // Rows of a lane, of a warp, and of the block.
  float *columns = (float *)shared_memory();
  __syncthreads();
  const bool counts[2] = {row >= prefix_tokens && row < tokens,
                          row + 8 >= prefix_tokens && row + 8 < tokens};
#pragma unroll
  for (int j = 0; j < 8; j++)
#pragma unroll
    for (int i = 0; i < 2; i++) {
      float sum = (counts[0] ? sums[j][i] : 0.0f) + (counts[1] ? sums[j][i + 2] : 0.0f);
      for (int distance = 4; distance < 32; distance *= 2)
        sum += __shfl_xor_sync(ALL_LANES, sum, distance);
      if (g == 0) columns[warp_index() * 64 + 8 * j + 2 * t + i] = sum;
    }
  add_parts(columns, 4, first_key, tokens, partials + (image * row_blocks + blockIdx.y) * tokens);
}

/// A tile of 16 rows and 64 keys, each head by a warp of its own: for cards that larger tiles would
/// leave idle.
template <typename T>
DEVICE void received_attention_mma_heads(const T *qkv, const float *token_size, const float *lse,
                                     int tokens, int heads, int head_dim, float scale,
                                     int prefix_tokens, int reduction, int row_blocks,
                                     float *partials) {
  constexpr int stride = 72, tile_size = 80 * stride;
  T *queries = (T *)shared_memory() + warp_index() * tile_size, *keys = queries + 16 * stride;
  const int lane = lane_index(), g = lane / 4, t = lane % 4, warps = blockDim.x >> 5;
  const int first_key = blockIdx.x * 64, first_row = blockIdx.y * 16;
  const int row = first_row + g, width = heads * head_dim;
  const size_t image = blockIdx.z;
  const T *rows = qkv + image * tokens * 3 * width;
  const float *sizes = token_size ? token_size + image * tokens : 0;
  float sums[8][4] = {};
  for (int head = warp_index(); head < heads; head += warps) {
    float logits[8][4] = {};
    for (int chunk = 0; chunk < head_dim; chunk += 64) {
      // The chunk before has been read by all lanes.
      __syncwarp();
      for (int i = lane; i < 80 * 8; i += 32) {
        const int line = i / 8, column = chunk + i % 8 * 8;
        const int token = line < 16 ? first_row + line : first_key + line - 16;
        const bool there = token < tokens && column < head_dim;
        const T *from = rows;
        if (there)
          from += (size_t)token * 3 * width + (line < 16 ? 0 : width) + head * head_dim + column;
        copy_async(queries + line * stride + i % 8 * 8, from, there);
      }
      commit_copies();
      wait_copies<0>();
      __syncwarp();
      multiply_tile<stride>(logits, queries, keys);
    }
    const float *head_lse = lse + (image * heads + head) * tokens;
    const float row_lse[2] = {row < tokens ? head_lse[row] : 0.0f,
                              row + 8 < tokens ? head_lse[row + 8] : 0.0f};
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const int key = first_key + 8 * j + 2 * t + i % 2;
        const float bias = key < tokens ? log_size(sizes, key) : 0.0f;
        sums[j][i] = reduced(
            reduction, sums[j][i], power_of_2(logits[j][i] * scale + bias - row_lse[i / 2]));
      }
  }

  float *own = (float *)queries;
  __syncwarp();
#pragma unroll
  for (int j = 0; j < 8; j++)
#pragma unroll
    for (int r = 0; r < 2; r++)
      *(float2 *)(own + (g + 8 * r) * 64 + 8 * j + 2 * t) =
          float2{sums[j][2 * r], sums[j][2 * r + 1]};
  meet_heads<64, tile_size * (int)sizeof(T) / (int)sizeof(float)>(
      tokens, prefix_tokens, reduction, partials + (image * row_blocks + blockIdx.y) * tokens);
}

#define RECEIVED_MMA(T, S)                                                                    \
  KERNEL(received_attention_mma##S, 128)                                                      \
  (RECEIVED_PARAMETERS(T)) RECEIVED_BODY(received_attention_mma)                              \
  KERNEL(received_attention_mma_heads##S, 256)                                                \
  (RECEIVED_PARAMETERS(T)) RECEIVED_BODY(received_attention_mma_heads)
FOR_TENSOR_TYPES(RECEIVED_MMA)

#endif

/// Thread (y, x) of 16 x 16 has rows y + 16 i and keys x + 16 j; features come in chunks of 32.
template <typename T>
DEVICE void received_attention_fma(const T *qkv, const float *token_size, const float *lse,
                                   int tokens, int heads, int head_dim, float scale,
                                   int prefix_tokens, int reduction, int row_blocks,
                                   float *partials) {
  constexpr int line = 36;
  float *queries = (float *)shared_memory(), *keys = queries + 64 * line;
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
  const int first_key = blockIdx.x * 64, first_row = blockIdx.y * 64;
  const int width = heads * head_dim;
  const size_t image = blockIdx.z;
  const T *rows = qkv + image * tokens * 3 * width;
  const float *sizes = token_size ? token_size + image * tokens : 0;
  float sums[4][4] = {}, bias[4];
  for (int j = 0; j < 4; j++) {
    const int key = first_key + x + 16 * j;
    bias[j] = key < tokens ? log_size(sizes, key) : 0.0f;
  }
  for (int head = 0; head < heads; head++) {
    float logits[4][4] = {};
    for (int chunk = 0; chunk < head_dim; chunk += 32) {
      __syncthreads();
      for (int i = threadIdx.x; i < 2 * 64 * 32; i += blockDim.x) {
        const int second = i / 2048, row = i / 32 % 64, c = chunk + i % 32;
        const int token = (second ? first_key : first_row) + row;
        const bool there = token < tokens && c < head_dim;
        queries[(second * 64 + row) * line + i % 32] =
            there ? to_float(
                        rows[(size_t)token * 3 * width + second * width + head * head_dim + c])
                  : 0.0f;
      }
      __syncthreads();
#pragma unroll 2
      for (int d = 0; d < 32; d += 4) {
        float4 q[4], k[4];
#pragma unroll
        for (int i = 0; i < 4; i++) q[i] = *(const float4 *)(queries + (y + 16 * i) * line + d);
#pragma unroll
        for (int j = 0; j < 4; j++) k[j] = *(const float4 *)(keys + (x + 16 * j) * line + d);
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
          for (int j = 0; j < 4; j++)
            logits[i][j] = dot(q[i], k[j], logits[i][j]);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int row = first_row + y + 16 * i;
      const float row_lse = row < tokens ? lse[(image * heads + head) * tokens + row] : 0.0f;
#pragma unroll
      for (int j = 0; j < 4; j++)
        sums[i][j] =
            reduced(reduction, sums[i][j], power_of_2(logits[i][j] * scale + bias[j] - row_lse));
    }
  }

  float *columns = queries;
  __syncthreads();
#pragma unroll
  for (int j = 0; j < 4; j++) {
    float sum = 0;
    for (int i = 0; i < 4; i++) {
      const int row = first_row + y + 16 * i;
      if (row >= prefix_tokens && row < tokens) sum += sums[i][j];
    }
    columns[y * 64 + x + 16 * j] = sum;
  }
  add_parts(columns, 16, first_key, tokens, partials + (image * row_blocks + blockIdx.y) * tokens);
}

/// A tile of 16 rows and 32 keys, each head by a warp of its own; lane (y, x) of 4 x 8 has rows y +
/// 4 i and keys x + 8 j.
template <typename T>
DEVICE void received_attention_fma_heads(const T *qkv, const float *token_size, const float *lse,
                                         int tokens, int heads, int head_dim, float scale,
                                         int prefix_tokens, int reduction, int row_blocks,
                                         float *partials) {
  constexpr int line = 36, tile_size = 48 * line;
  float *queries = (float *)shared_memory() + warp_index() * tile_size, *keys = queries + 16 * line;
  const int lane = lane_index(), y = lane / 8, x = lane % 8, warps = blockDim.x >> 5;
  const int first_key = blockIdx.x * 32, first_row = blockIdx.y * 16, width = heads * head_dim;
  const size_t image = blockIdx.z;
  const T *rows = qkv + image * tokens * 3 * width;
  const float *sizes = token_size ? token_size + image * tokens : 0;
  float sums[4][4] = {}, bias[4];
#pragma unroll
  for (int j = 0; j < 4; j++) {
    const int key = first_key + x + 8 * j;
    bias[j] = key < tokens ? log_size(sizes, key) : 0.0f;
  }
  for (int head = warp_index(); head < heads; head += warps) {
    float logits[4][4] = {};
    for (int chunk = 0; chunk < head_dim; chunk += 32) {
      // The chunk before has been read by all lanes.
      __syncwarp();
#pragma unroll 4
      for (int i = lane; i < 48 * 8; i += 32) {
        const int row = i / 8, column = chunk + i % 8 * 4;
        const int token = row < 16 ? first_row + row : first_key + row - 16;
        float4 value{0, 0, 0, 0};
        if (token < tokens && column < head_dim)
          value = load4(rows + (size_t)token * 3 * width + (row < 16 ? 0 : width) +
                        head * head_dim + column);
        *(float4 *)(queries + row * line + i % 8 * 4) = value;
      }
      __syncwarp();
#pragma unroll 2
      for (int d = 0; d < 32; d += 4) {
        float4 q[4], k[4];
#pragma unroll
        for (int i = 0; i < 4; i++) q[i] = load4(queries + (y + 4 * i) * line + d);
#pragma unroll
        for (int j = 0; j < 4; j++) k[j] = load4(keys + (x + 8 * j) * line + d);
#pragma unroll
        for (int i = 0; i < 4; i++)
#pragma unroll
          for (int j = 0; j < 4; j++) logits[i][j] = dot(q[i], k[j], logits[i][j]);
      }
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const int row = first_row + y + 4 * i;
      const float row_lse = row < tokens ? lse[(image * heads + head) * tokens + row] : 0.0f;
#pragma unroll
      for (int j = 0; j < 4; j++)
        sums[i][j] =
            reduced(reduction, sums[i][j], power_of_2(logits[i][j] * scale + bias[j] - row_lse));
    }
  }
  __syncwarp();
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) queries[(y + 4 * i) * 32 + x + 8 * j] = sums[i][j];
  meet_heads<32, tile_size>(
      tokens, prefix_tokens, reduction, partials + (image * row_blocks + blockIdx.y) * tokens);
}

#define RECEIVED_FMA(T, S)                                                                    \
  KERNEL(received_attention_fma##S, 256)                                                      \
  (RECEIVED_PARAMETERS(T)) RECEIVED_BODY(received_attention_fma)                              \
  KERNEL(received_attention_fma_heads##S, 256)                                                \
  (RECEIVED_PARAMETERS(T)) RECEIVED_BODY(received_attention_fma_heads)
#if defined(LAB_SIMT) || !LAB_TENSOR_CORES
FOR_TYPES(RECEIVED_FMA)
#else
IF_F32(RECEIVED_FMA(float, _f32))
#endif

KERNEL(received_attention_sum, 256)
(const float *partials, int row_blocks, int tokens, int heads_to_average, float *received) {
  const int token = blockIdx.x * 256 + threadIdx.x;
  if (token >= tokens) return;
  const size_t image = blockIdx.y;
  received[image * tokens + token] = received_sum(
      partials + image * row_blocks * tokens, row_blocks, tokens, token, heads_to_average);
}
