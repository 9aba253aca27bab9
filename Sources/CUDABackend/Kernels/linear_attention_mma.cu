// ReLU linear attention on tensor cores. Sums over tokens stay in float32 and enter the second
// product as tf32: in float16 they could overflow.
#include "activation.cuh"
#include "view_tiles.cuh"

#if LAB_TF32

/// Two numbers in a word, those below 0 as 0.
template <typename T>
DEVICE unsigned relu_pair(unsigned word, T) {
  float x[2];
  unpack(word, x, T());
  return pack(relu(x[0]), relu(x[1]), T());
}

/// One block: of 64 tokens of a head Σ relu(k)ᵀ v and Σ relu(k), [key_dim][value_dim + 1] for each
/// part of the tokens, 16 tokens a warp. Numbers of columns and strides are even, and rows begin at
/// multiples of four bytes.
template <typename T, int D>
DEVICE void linear_sums_mma(const HeadRows<const T> k, const HeadRows<const T> v, int key_dim,
                            int value_dim, float *partials) {
  constexpr int stride = D + 8, columns = D + 8;
  const int head = blockIdx.y, image = blockIdx.z, first = blockIdx.x * 64;
  T *keys = (T *)shared_memory(), *values = keys + 64 * stride;
  const bool keys_are_wide = is_wide(k, key_dim), values_are_wide = is_wide(v, value_dim);
  for (int i = threadIdx.x; i < 64 * (D / 8); i += blockDim.x) {
    const int row = i / (D / 8), column = i % (D / 8) * 8, token = first + row;
    const bool there = token < k.tokens;
    const int known = there ? token : 0, at = row * stride + column;
    copy_eight(keys + at, k.row(image, known, head), column, key_dim, there, keys_are_wide);
    copy_eight(values + at, v.row(image, known, head), column, value_dim, there, values_are_wide);
  }
  commit_copies();
  wait_copies<0>();
  __syncthreads();

  const int lane = lane_index(), g = lane / 4, t = lane % 4;
  // A row of the left operand is a column of the keys. The last eight columns of the right one are
  // 1 and zeros, for the sums of keys.
  const SharedAddress key = shared_address(
      keys + (warp_index() * 16 + lane / 16 * 8 + lane % 8) * stride + lane / 8 % 2 * 8);
  const SharedAddress value = shared_address(
      values + (warp_index() * 16 + lane / 8 % 2 * 8 + lane % 8) * stride + lane / 16 * 8);
  const unsigned one = g == 0 ? pack(1.0f, 1.0f, T()) : 0u;
  float sum[D / 16][D / 8 + 1][4];
#pragma unroll
  for (int m = 0; m < D / 16; m++) {
#pragma unroll
    for (int n = 0; n <= D / 8; n++)
      for (int i = 0; i < 4; i++) sum[m][n][i] = 0;
    unsigned left[4];
    load_matrices_transposed(left, key + m * 16 * (int)sizeof(T));
#pragma unroll
    for (int i = 0; i < 4; i++) left[i] = relu_pair(left[i], T());
#pragma unroll
    for (int pair = 0; pair < D / 16; pair++) {
      unsigned right[4];
      load_matrices_transposed(right, value + pair * 16 * (int)sizeof(T));
      multiply(sum[m][2 * pair], left, right[0], right[1], T());
      multiply(sum[m][2 * pair + 1], left, right[2], right[3], T());
    }
    multiply(sum[m][D / 8], left, one, one, T());
  }

  // The sums of four warps, added in their order.
  __syncthreads();
  float *shared = (float *)shared_memory();
#pragma unroll
  for (int m = 0; m < D / 16; m++)
#pragma unroll
    for (int n = 0; n <= D / 8; n++)
#pragma unroll
      for (int half = 0; half < 2; half++)
        *(float2 *)(shared + ((warp_index() * D + m * 16 + half * 8 + g) * columns + n * 8 +
                              2 * t)) = float2{sum[m][n][2 * half], sum[m][n][2 * half + 1]};
  __syncthreads();
  const int line = value_dim + 1;
  float *to =
      partials + (((size_t)image * gridDim.y + head) * gridDim.x + blockIdx.x) * key_dim * line;
  for (int i = threadIdx.x; i < key_dim * line; i += blockDim.x) {
    const int row = i / line, column = i % line == value_dim ? D : i % line;
    float total = 0;
    for (int warp = 0; warp < 4; warp++)
      total += shared[(warp * D + row) * columns + column];
    to[i] = total;
  }
}

/// One block: 64 tokens of a head, 16 a warp, from the sums of all parts, which are added in their
/// order.
template <typename T, int D>
DEVICE void linear_outputs_mma(const HeadRows<const T> q, const HeadRows<T> out, int key_dim,
                               int value_dim, float epsilon, const float *partials, int parts) {
  // Columns of the sums, then those of the keys alone; two rows further is another bank.
  constexpr int stride = D + 20;
  unsigned *sums = (unsigned *)shared_memory();
  const int head = blockIdx.y, image = blockIdx.z, line = value_dim + 1;
  const float *from = partials + ((size_t)image * gridDim.y + head) * parts * key_dim * line;
  for (int i = threadIdx.x; i < D * (D + 8); i += blockDim.x) {
    const int row = i / (D + 8), column = i % (D + 8);
    const int stored = column == D ? value_dim : column;
    const bool there = row < key_dim && (column < value_dim || column == D);
    float sum = 0;
    for (int part = 0; there && part < parts; part++)
      sum += from[(size_t)part * key_dim * line + row * line + stored];
    sums[row * stride + column] = round_tf32(sum);
  }
  __syncthreads();

  const int lane = lane_index(), g = lane / 4, t = lane % 4;
  const int first = blockIdx.x * 64 + warp_index() * 16;
  float result[D / 8 + 1][4];
#pragma unroll
  for (int n = 0; n <= D / 8; n++)
    for (int i = 0; i < 4; i++) result[n][i] = 0;
#pragma unroll
  for (int k = 0; k < D / 8; k++) {
    // The product's terms t and t + 4 are the features 2 t and 2 t + 1, on both sides.
    const int feature = k * 8 + 2 * t;
    float low[2] = {0, 0}, high[2] = {0, 0};
    if (feature < key_dim) {
      if (first + g < q.tokens)
        unpack(*(const unsigned *)(q.row(image, first + g, head) + feature), low, T());
      if (first + g + 8 < q.tokens)
        unpack(*(const unsigned *)(q.row(image, first + g + 8, head) + feature), high, T());
    }
    // Numbers of 16 bits are numbers of tf32.
    const unsigned left[4] = {__float_as_uint(relu(low[0])), __float_as_uint(relu(high[0])),
                              __float_as_uint(relu(low[1])), __float_as_uint(relu(high[1]))};
#pragma unroll
    for (int n = 0; n <= D / 8; n++) {
      const unsigned *right = sums + feature * stride + n * 8 + g;
      multiply_tf32(result[n], left, right[0], right[stride]);
    }
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const float total = __shfl_sync(ALL_LANES, result[D / 8][2 * half], lane & 28);
    const int token = first + half * 8 + g;
    if (token >= q.tokens) continue;
    const float share = 1.0f / (total + epsilon);
    T *to = out.row(image, token, head);
#pragma unroll
    for (int n = 0; n < D / 8; n++)
      if (n * 8 + 2 * t < value_dim)
        *(unsigned *)(to + n * 8 + 2 * t) =
            pack(result[n][2 * half] * share, result[n][2 * half + 1] * share, T());
  }
}

#define LINEAR_ATTENTION_MMA(T, S, D)                                                         \
  KERNEL(linear_sums_mma_d##D##S, 128)                                                        \
  (const T *k, int k_token, int k_head, int tokens, const T *v, int v_token, int v_head,      \
   int key_dim, int value_dim, float *partials) {                                             \
    linear_sums_mma<T, D>(HeadRows<const T>{k, k_token, k_head, tokens},                      \
                          HeadRows<const T>{v, v_token, v_head, tokens}, key_dim, value_dim,  \
                          partials);                                                          \
  }                                                                                           \
  KERNEL(linear_outputs_mma_d##D##S, 128)                                                     \
  (const T *q, int q_token, int q_head, int tokens, T *out, int out_token, int out_head,      \
   int key_dim, int value_dim, float epsilon, const float *partials, int parts) {             \
    linear_outputs_mma<T, D>(HeadRows<const T>{q, q_token, q_head, tokens},                   \
                             HeadRows<T>{out, out_token, out_head, tokens}, key_dim,          \
                             value_dim, epsilon, partials, parts);                            \
  }
#define BOTH_LINEAR_WIDTHS(T, S) LINEAR_ATTENTION_MMA(T, S, 16) LINEAR_ATTENTION_MMA(T, S, 32)
FOR_HALVES(BOTH_LINEAR_WIDTHS)

#endif
