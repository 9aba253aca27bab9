// Softmax attention over any views on tensor cores: within windows, with a bias on the logits.
#include "attention.cuh"
#include "view_tiles.cuh"

#if LAB_TENSOR_CORES

/// The unscaled logit of a key that a query does not see: its power is 0 beside any other.
#define UNSEEN -1e30f

/// A key's token, and above it its region.
DEVICE int packed_key(int token, int region) { return token | region << 24; }
DEVICE int token_of(int packed) { return packed & 0xFFFFFF; }

/// One block: 16 queries of a group for each warp. Column counts and strides are even, and rows
/// begin at multiples of four bytes.
template <typename T, int D, int KEYS>
DEVICE void view_attention_mma(const HeadRows<const T> q, const HeadRows<const T> k,
                               const HeadRows<const T> v, const HeadRows<T> out, int key_dim,
                               int value_dim, float scale, const Grouping grouping,
                               const float *bias, const float *sizes) {
  typedef QueryRows<T, D, KEYS> Rows;
  const int groups = grouping.groups(), rows = q.tokens / groups, columns = k.tokens / groups;
  const int tiles = (rows + (int)(blockDim.x >> 1) - 1) / (int)(blockDim.x >> 1);
  const int group = blockIdx.x / tiles;
  const int first_row = blockIdx.x % tiles * (int)(blockDim.x >> 1) + warp_index() * 16;
  const int head = blockIdx.y, image = blockIdx.z;
  const int steps = (columns + KEYS - 1) / KEYS;
  constexpr int tile_size = KEYS * Rows::stride;
  // The group's keys, and behind them the tiles.
  int *keys = (int *)shared_memory();
  T *slots = (T *)(keys + (columns + 3) / 4 * 4);
  const bool keys_are_wide = is_wide(k, key_dim), values_are_wide = is_wide(v, value_dim);

  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    keys[i] = packed_key(grouping.token(group, i), grouping.region(group, i));
  __syncthreads();
  wait_for_previous();
  let_next_start();

  auto load = [&](int step) {
    T *to = slots + (step & 1) * 2 * tile_size;
    for (int i = threadIdx.x; i < KEYS * (D / 8); i += blockDim.x) {
      const int key = i / (D / 8), column = i % (D / 8) * 8;
      const bool there = step * KEYS + key < columns;
      const int token = token_of(keys[there ? step * KEYS + key : 0]);
      T *slot = to + key * Rows::stride + column;
      copy_eight(slot, k.row(image, token, head), column, key_dim, there, keys_are_wide);
      copy_eight(
          slot + tile_size, v.row(image, token, head), column, value_dim, there, values_are_wide);
    }
    commit_copies();
  };

  const int g = lane_index() / 4, t = lane_index() % 4;
  int token[2], region[2];
#pragma unroll
  for (int r = 0; r < 2; r++) {
    const int place = min(first_row + g + 8 * r, rows - 1);
    token[r] = grouping.token(group, place);
    region[r] = grouping.region(group, place);
  }
  // The scale of powers of 2, and what it makes of numbers that are added behind the scale.
  const float power_scale = scale * 1.4426950408889634f;
  const float unscale = 1.0f / scale, unscale_power = 1.0f / power_scale;
  const bool has_regions = grouping.kind == 1 && grouping.shift != 0;
  Rows state;
  load(0);
  state.begin(
      q.row(image, token[0], head), q.row(image, token[1], head), rows - first_row, key_dim);
  for (int step = 0; step < steps; step++) {
    wait_copies<0>();
    // What this thread has copied is there for all, and the other tile has been read by all.
    __syncthreads();
    if (step + 1 < steps) load(step + 1);
    if (first_row >= rows) continue;
    const int first_key = step * KEYS, count = columns - first_key;
    auto adjust = [&](float(&logits)[KEYS / 8][4]) {
      if (!bias && !sizes && !has_regions) return;
#pragma unroll
      for (int j = 0; j < KEYS / 8; j++) {
        if (j * 8 >= count) continue;
#pragma unroll
        for (int next = 0; next < 2; next++) {
          const int index = min(first_key + j * 8 + 2 * t + next, columns - 1);
          const float size =
              sizes ? log_2(sizes[(size_t)image * k.tokens + token_of(keys[index])]) *
                          unscale_power
                    : 0.0f;
#pragma unroll
          for (int r = 0; r < 2; r++) {
            float &logit = logits[j][2 * r + next];
            const int place = min(first_row + g + 8 * r, rows - 1);
            if (bias) logit += bias[((size_t)head * rows + place) * columns + index] * unscale;
            logit += size;
            if (has_regions && region[r] != keys[index] >> 24) logit = UNSEEN;
          }
        }
      }
    };
    const T *tile = slots + (step & 1) * 2 * tile_size;
    if (count >= KEYS) {
      state.template take<true>(tile, tile + tile_size, KEYS, power_scale, 0, adjust);
    } else {
      state.template take<false>(tile, tile + tile_size, count, power_scale, 0, adjust);
    }
  }
  state.end(power_scale);
#pragma unroll
  for (int r = 0; r < 2; r++) {
    if (first_row + g + 8 * r >= rows) continue;
    const float inverse = 1.0f / state.sum[r];
    T *to = out.row(image, token[r], head);
#pragma unroll
    for (int j = 0; j < D / 8; j++)
      if (j * 8 + 2 * t < value_dim)
        store_pair(to + j * 8 + 2 * t, state.output[j][2 * r] * inverse,
                   state.output[j][2 * r + 1] * inverse);
  }
}

#define VIEW_ATTENTION_MMA(T, S, D, KEYS)                                                     \
  KERNEL(view_attention_mma_d##D##S, 256)                                                     \
  (const T *q, int q_token, int q_head, int q_tokens, const T *k, int k_token, int k_head,    \
   int k_tokens, const T *v, int v_token, int v_head, T *out, int out_token, int out_head,    \
   int key_dim, int value_dim, float scale, int kind, int height, int width, int window,      \
   int shift, const float *bias, const float *sizes) {                                        \
    view_attention_mma<T, D, KEYS>(                                                           \
        HeadRows<const T>{q, q_token, q_head, q_tokens},                                      \
        HeadRows<const T>{k, k_token, k_head, k_tokens},                                      \
        HeadRows<const T>{v, v_token, v_head, k_tokens},                                      \
        HeadRows<T>{out, out_token, out_head, q_tokens}, key_dim, value_dim, scale,           \
        Grouping{kind, height, width, window, shift}, bias, sizes);                           \
  }
#define ALL_VIEW_WIDTHS(T, S)                                                                 \
  VIEW_ATTENTION_MMA(T, S, 32, 64)                                                            \
  VIEW_ATTENTION_MMA(T, S, 64, 64)                                                            \
  VIEW_ATTENTION_MMA(T, S, 128, 32)
FOR_TENSOR_TYPES(ALL_VIEW_WIDTHS)

#endif
