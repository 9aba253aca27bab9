// Attention over any views of queries, keys and values: within windows, with a bias on the logits,
// with ReLU in place of the softmax; and the map of its weights. Plain multiply-adds in float32.
#include "activation.cuh"
#include "views.cuh"

template <typename T>
DEVICE float dot_rows(const T *a, const T *b, int count) {
  float sum = 0;
  for (int i = 0; i < count; i++) sum += to_float(a[i]) * to_float(b[i]);
  return sum;
}

/// Softmax of what a warp holds in `logits`; no key at all gives zeros.
DEVICE void softmax_row(float *logits, int count) {
  float maximum = NEGATIVE_INFINITY, sum = 0;
  for (int i = lane_index(); i < count; i += 32) maximum = fmaxf(maximum, logits[i]);
  maximum = warp_max(maximum);
  for (int i = lane_index(); i < count; i += 32) {
    logits[i] = expf(logits[i] - maximum);
    sum += logits[i];
  }
  const float inverse = 1.0f / warp_sum(sum);
  for (int i = lane_index(); i < count; i += 32) logits[i] *= inverse;
  __syncwarp();
}

/// A warp a query: logits of all keys of its group in shared memory, then the sum of values.
template <typename T>
DEVICE void view_attention(HeadRows<const T> q, HeadRows<const T> k, HeadRows<const T> v,
                           HeadRows<T> out, int key_dim, int value_dim, float scale,
                           const Grouping grouping, const float *bias, const float *sizes) {
  const int groups = grouping.groups(), rows = q.tokens / groups, columns = k.tokens / groups;
  const int tiles = (rows + 3) / 4;
  const int group = blockIdx.x / tiles, place = blockIdx.x % tiles * 4 + warp_index();
  const int head = blockIdx.y, image = blockIdx.z;
  if (place >= rows) return;
  float *logits = (float *)shared_memory() + warp_index() * columns;
  const int token = grouping.token(group, place), region = grouping.region(group, place);
  const T *query = q.row(image, token, head);
  for (int i = lane_index(); i < columns; i += 32) {
    const int other = grouping.token(group, i);
    float logit = scale * dot_rows(query, k.row(image, other, head), key_dim);
    if (bias) logit += bias[((size_t)head * rows + place) * columns + i];
    if (sizes) logit += logf(sizes[(size_t)image * k.tokens + other]);
    logits[i] = region == grouping.region(group, i) ? logit : NEGATIVE_INFINITY;
  }
  softmax_row(logits, columns);
  T *to = out.row(image, token, head);
  for (int c = lane_index(); c < value_dim; c += 32) {
    float sum = 0;
    for (int i = 0; i < columns; i++)
      sum += logits[i] * to_float(v.row(image, grouping.token(group, i), head)[c]);
    from_float(sum, to[c]);
  }
}

/// The weights themselves, float32 [B, H, rows, columns].
template <typename T>
DEVICE void attention_map(HeadRows<const T> q, HeadRows<const T> k, int key_dim, float scale,
                          const float *sizes, float *map) {
  const int row = blockIdx.x * 4 + warp_index(), head = blockIdx.y, image = blockIdx.z;
  if (row >= q.tokens) return;
  float *logits = map + (((size_t)image * gridDim.y + head) * q.tokens + row) * k.tokens;
  const T *query = q.row(image, row, head);
  for (int i = lane_index(); i < k.tokens; i += 32) {
    logits[i] = scale * dot_rows(query, k.row(image, i, head), key_dim);
    if (sizes) logits[i] += logf(sizes[(size_t)image * k.tokens + i]);
  }
  softmax_row(logits, k.tokens);
}

template <typename T>
DEVICE void apply_map(const float *map, HeadRows<const T> v, HeadRows<T> out, int value_dim) {
  const int row = blockIdx.x * 4 + warp_index(), head = blockIdx.y, image = blockIdx.z;
  if (row >= out.tokens) return;
  const float *weights = map + (((size_t)image * gridDim.y + head) * out.tokens + row) * v.tokens;
  T *to = out.row(image, row, head);
  for (int c = lane_index(); c < value_dim; c += 32) {
    float sum = 0;
    for (int i = 0; i < v.tokens; i++) sum += weights[i] * to_float(v.row(image, i, head)[c]);
    from_float(sum, to[c]);
  }
}

/// What an attention map says of tokens: the class token's mean weights, and what patch rows give.
DEVICE void summarize(const float *map, int heads, int rows, int tokens, int prefix, int reduction,
                      float *class_attention, float *received) {
  const int token = blockIdx.x * blockDim.x + threadIdx.x, image = blockIdx.y;
  if (token >= tokens) return;
  const float *weights = map + (size_t)image * heads * rows * tokens + token;
  if (class_attention) {
    float sum = 0;
    for (int h = 0; h < heads; h++) sum += weights[(size_t)h * rows * tokens];
    class_attention[(size_t)image * tokens + token] = sum / (float)heads;
  }
  if (!received) return;
  float sum = 0;
  for (int row = prefix; row < rows; row++) {
    float reduced = weights[(size_t)row * tokens];
    for (int h = 1; h < heads; h++) {
      const float weight = weights[((size_t)h * rows + row) * tokens];
      reduced = reduction == 0 ? fmaxf(reduced, weight) : reduced + weight;
    }
    sum += reduced;
  }
  received[(size_t)image * tokens + token] = reduction == 1 ? sum / (float)heads : sum;
}

KERNEL(summarize_map, 256)
(const float *map, int heads, int rows, int tokens, int prefix, int reduction,
 float *class_attention, float *received) {
  summarize(map, heads, rows, tokens, prefix, reduction, class_attention, received);
}

// MARK: Without softmax

/// One block: of 64 tokens of a head Σ relu(k)ᵀ v and Σ relu(k), [key_dim][value_dim + 1] for each
/// part of the tokens.
template <typename T>
DEVICE void linear_sums(HeadRows<const T> k, HeadRows<const T> v, int key_dim, int value_dim,
                        float *partials) {
  const int head = blockIdx.y, image = blockIdx.z, line = value_dim + 1;
  const int first = blockIdx.x * 64, end = min(first + 64, k.tokens);
  float *to =
      partials + (((size_t)image * gridDim.y + head) * gridDim.x + blockIdx.x) * key_dim * line;
  for (int i = threadIdx.x; i < key_dim * line; i += blockDim.x) {
    const int row = i / line, column = i % line;
    float sum = 0;
    for (int token = first; token < end; token++) {
      const float key = relu(to_float(k.row(image, token, head)[row]));
      sum += column < value_dim ? key * to_float(v.row(image, token, head)[column]) : key;
    }
    to[i] = sum;
  }
}

/// One block: 64 tokens of a head, from the sums of all parts, which are added in their order.
template <typename T>
DEVICE void linear_outputs(HeadRows<const T> q, HeadRows<T> out, int key_dim, int value_dim,
                           float epsilon, const float *partials, int parts) {
  float *sums = (float *)shared_memory();
  const int head = blockIdx.y, image = blockIdx.z, line = value_dim + 1;
  const float *from = partials + ((size_t)image * gridDim.y + head) * parts * key_dim * line;
  for (int i = threadIdx.x; i < key_dim * line; i += blockDim.x) {
    float sum = 0;
    for (int part = 0; part < parts; part++) sum += from[(size_t)part * key_dim * line + i];
    sums[i] = sum;
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 64 * value_dim; i += blockDim.x) {
    const int token = blockIdx.x * 64 + i / value_dim, column = i % value_dim;
    if (token >= q.tokens) continue;
    const T *query = q.row(image, token, head);
    float sum = 0, total = 0;
    for (int row = 0; row < key_dim; row++) {
      const float x = relu(to_float(query[row]));
      sum += x * sums[row * line + column];
      total += x * sums[row * line + value_dim];
    }
    from_float(sum / (total + epsilon), out.row(image, token, head)[column]);
  }
}

/// One block: of 64 tokens of a head Σ relu(k) and Σ relu(k) v, channel by channel, [2][dim] for
/// each part of the tokens. Several threads share a channel, and their sums are added in their
/// order.
template <typename T>
DEVICE void reduced_sums(HeadRows<const T> k, HeadRows<const T> v, int dim, float *partials) {
  float2 *shared = (float2 *)shared_memory();
  const int head = blockIdx.y, image = blockIdx.z;
  const int first = blockIdx.x * 64, end = min(first + 64, k.tokens);
  const int channels = min(dim, (int)blockDim.x), slots = blockDim.x / channels;
  const int slot = threadIdx.x / channels;
  float *to = partials + (((size_t)image * gridDim.y + head) * gridDim.x + blockIdx.x) * 2 * dim;
  for (int base = 0; base < dim; base += channels) {
    const int channel = base + threadIdx.x % channels;
    float2 sum = {0, 0};
    if (slot < slots && channel < dim)
      for (int token = first + slot; token < end; token += slots) {
        const float key = relu(to_float(k.row(image, token, head)[channel]));
        sum.x += key;
        sum.y += key * to_float(v.row(image, token, head)[channel]);
      }
    shared[threadIdx.x] = sum;
    __syncthreads();
    if (slot == 0 && channel < dim) {
      for (int i = 1; i < slots; i++) {
        sum.x += shared[i * channels + threadIdx.x].x;
        sum.y += shared[i * channels + threadIdx.x].y;
      }
      to[channel] = sum.x;
      to[dim + channel] = sum.y;
    }
    __syncthreads();
  }
}

/// One block: 64 tokens of a head, a warp each at a time, from the sums of all parts.
template <typename T>
DEVICE void reduced_outputs(HeadRows<const T> q, HeadRows<T> out, int dim, float epsilon,
                            const float *partials, int parts) {
  float *sums = (float *)shared_memory();
  const int head = blockIdx.y, image = blockIdx.z;
  const float *from = partials + ((size_t)image * gridDim.y + head) * parts * 2 * dim;
  for (int i = threadIdx.x; i < 2 * dim; i += blockDim.x) {
    float sum = 0;
    for (int part = 0; part < parts; part++) sum += from[(size_t)part * 2 * dim + i];
    sums[i] = sum;
  }
  __syncthreads();
  const int end = min((int)blockIdx.x * 64 + 64, q.tokens);
  for (int token = blockIdx.x * 64 + warp_index(); token < end; token += blockDim.x >> 5) {
    const T *query = q.row(image, token, head);
    float total = 0;
    for (int i = lane_index(); i < dim; i += 32) total += relu(to_float(query[i])) * sums[i];
    total = warp_sum(total);
    // NaN stays, which fmaxf would take for epsilon.
    const float share = 1.0f / (total < epsilon ? epsilon : total);
    T *to = out.row(image, token, head);
    for (int i = lane_index(); i < dim; i += 32)
      from_float(relu(to_float(query[i])) * sums[dim + i] * share, to[i]);
  }
}

#define VIEW_ATTENTION(T, S)                                                                  \
  KERNEL(view_attention##S, 128)                                                              \
  (const T *q, int q_token, int q_head, int q_tokens, const T *k, int k_token, int k_head,    \
   int k_tokens, const T *v, int v_token, int v_head, T *out, int out_token, int out_head,    \
   int key_dim, int value_dim, float scale, int kind, int height, int width, int window,      \
   int shift, const float *bias, const float *sizes) {                                        \
    view_attention<T>(HeadRows<const T>{q, q_token, q_head, q_tokens},                        \
                      HeadRows<const T>{k, k_token, k_head, k_tokens},                        \
                      HeadRows<const T>{v, v_token, v_head, k_tokens},                        \
                      HeadRows<T>{out, out_token, out_head, q_tokens}, key_dim, value_dim,    \
                      scale, Grouping{kind, height, width, window, shift}, bias, sizes);      \
  }                                                                                           \
  KERNEL(attention_map##S, 128)                                                               \
  (const T *q, int q_token, int q_head, int q_tokens, const T *k, int k_token, int k_head,    \
   int k_tokens, int key_dim, float scale, const float *sizes, float *map) {                  \
    attention_map<T>(HeadRows<const T>{q, q_token, q_head, q_tokens},                         \
                     HeadRows<const T>{k, k_token, k_head, k_tokens}, key_dim, scale, sizes,  \
                     map);                                                                    \
  }                                                                                           \
  KERNEL(apply_map##S, 128)                                                                   \
  (const float *map, const T *v, int v_token, int v_head, int v_tokens, T *out,               \
   int out_token, int out_head, int out_tokens, int value_dim) {                              \
    apply_map<T>(map, HeadRows<const T>{v, v_token, v_head, v_tokens},                        \
                 HeadRows<T>{out, out_token, out_head, out_tokens}, value_dim);               \
  }                                                                                           \
  KERNEL(linear_sums##S, 256)                                                                 \
  (const T *k, int k_token, int k_head, int tokens, const T *v, int v_token, int v_head,      \
   int key_dim, int value_dim, float *partials) {                                             \
    linear_sums<T>(HeadRows<const T>{k, k_token, k_head, tokens},                             \
                   HeadRows<const T>{v, v_token, v_head, tokens}, key_dim, value_dim,         \
                   partials);                                                                 \
  }                                                                                           \
  KERNEL(linear_outputs##S, 256)                                                              \
  (const T *q, int q_token, int q_head, int tokens, T *out, int out_token, int out_head,      \
   int key_dim, int value_dim, float epsilon, const float *partials, int parts) {             \
    linear_outputs<T>(HeadRows<const T>{q, q_token, q_head, tokens},                          \
                      HeadRows<T>{out, out_token, out_head, tokens}, key_dim, value_dim,      \
                      epsilon, partials, parts);                                              \
  }                                                                                           \
  KERNEL(reduced_sums##S, 256)                                                                \
  (const T *k, int k_token, int k_head, int tokens, const T *v, int v_token, int v_head,      \
   int dim, float *partials) {                                                                \
    reduced_sums<T>(HeadRows<const T>{k, k_token, k_head, tokens},                            \
                    HeadRows<const T>{v, v_token, v_head, tokens}, dim, partials);            \
  }                                                                                           \
  KERNEL(reduced_outputs##S, 256)                                                             \
  (const T *q, int q_token, int q_head, int tokens, T *out, int out_token, int out_head,      \
   int dim, float epsilon, const float *partials, int parts) {                                \
    reduced_outputs<T>(HeadRows<const T>{q, q_token, q_head, tokens},                         \
                       HeadRows<T>{out, out_token, out_head, tokens}, dim, epsilon, partials, \
                       parts);                                                                \
  }
FOR_TYPES(VIEW_ATTENTION)
