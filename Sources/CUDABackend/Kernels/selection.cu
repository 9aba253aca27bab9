// Which tokens stay, and what becomes of the others.
#include "ranks.cuh"

/// A block ranks 64 tokens, each with four neighboring threads.
KERNEL(select_tokens, 256)
(const float *scores, int prefix_tokens, int tokens, int tokens_out, int fuse, int *offsets,
 int *sources) {
  unsigned *keys = (unsigned *)shared_memory();
  const size_t image = blockIdx.y;
  for (int i = threadIdx.x; i < tokens; i += 256)
    keys[i] = descending_bits(scores[image * tokens + i]);
  __syncthreads();
  const int token = blockIdx.x * 64 + threadIdx.x / 4, part = threadIdx.x % 4;
  int rank = 0;
  if (token >= prefix_tokens && token < tokens)
    rank = count_before(keys, prefix_tokens + part, tokens, 4, token);
  rank += __shfl_xor_sync(ALL_LANES, rank, 1);
  rank += __shfl_xor_sync(ALL_LANES, rank, 2);
  if (part == 0 && token < tokens)
    sources[image * tokens + (token < prefix_tokens ? token : prefix_tokens + rank)] = token;
  // One source an output; with `fuse` the last takes all that is left.
  const int output = blockIdx.x * 256 + threadIdx.x;
  if (offsets && output <= tokens_out)
    offsets[image * (tokens_out + 1) + output] = fuse && output == tokens_out ? tokens : output;
}

// MARK: The most similar token

/// The candidate with the largest dot product for each of 16 queries of the block, the first of
/// equals.
///
/// Thread (y, x) of 16 x 16 compares query y with candidates x + 16 j of each tile of 64.
/// `query_token` and `candidate_token` give the metric's row of an index. The result is in the
/// threads with x = 0.
template <typename Query, typename Candidate>
DEVICE void most_similar(const float *metric, int width, int first_query, int queries,
                         int first_candidate, int candidates, Query query_token,
                         Candidate candidate_token, float &best, int &index) {
  const int line = width + 1;
  float *own = (float *)shared_memory(), *tile = own + 16 * line;
  const int y = threadIdx.x / 16, x = threadIdx.x % 16;
  for (int row = warp_index(); row < 16 && first_query + row < queries; row += 8) {
    const float *from = metric + (size_t)query_token(first_query + row) * width;
    for (int c = lane_index(); c < width; c += 32) own[row * line + c] = from[c];
  }
  best = NEGATIVE_INFINITY;
  index = first_candidate;
  for (int first = first_candidate; first < candidates; first += 64) {
    __syncthreads();
    for (int row = warp_index(); row < 64 && first + row < candidates; row += 8) {
      const float *from = metric + (size_t)candidate_token(first + row) * width;
      for (int c = lane_index(); c < width; c += 32) tile[row * line + c] = from[c];
    }
    __syncthreads();
    if (first_query + y >= queries) continue;
    float sums[4] = {};
    for (int c = 0; c < width; c++) {
      const float value = own[y * line + c];
#pragma unroll
      for (int j = 0; j < 4; j++) sums[j] += value * tile[(x + 16 * j) * line + c];
    }
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const int candidate = first + x + 16 * j;
      if (candidate < candidates && sums[j] > best) best = sums[j], index = candidate;
    }
  }
  for (int distance = 1; distance < 16; distance *= 2) {
    const float other = __shfl_xor_sync(ALL_LANES, best, distance);
    const int other_index = __shfl_xor_sync(ALL_LANES, index, distance);
    if (other > best || (other == best && other_index < index)) best = other, index = other_index;
  }
}

/// For each token that goes, the place in `order` of the kept patch with the closest key.
KERNEL(match_kept, 256)
(const float *metric, const int *order, int first_removed, int prefix_tokens, int tokens, int width,
 int *partner) {
  const size_t image = blockIdx.y;
  const int *places = order + image * tokens;
  const int first = blockIdx.x * 16, y = threadIdx.x / 16;
  auto removed = [=](int i) { return places[first_removed + i]; };
  auto kept = [=](int i) { return places[i]; };
  float best;
  int index;
  most_similar(
      metric + image * tokens * width, width, first, tokens - first_removed, prefix_tokens,
      first_removed, removed, kept, best, index);
  if (threadIdx.x % 16 == 0 && first + y < tokens - first_removed)
    partner[image * tokens + first + y] = index;
}

/// For each even token its closest odd one; special tokens stand first and are out of it.
KERNEL(match_bipartite, 256)
(const float *metric, int prefix_tokens, int tokens, int width, float *maxima, int *partner) {
  const size_t image = blockIdx.y;
  const int even = (tokens + 1) / 2, odd = tokens / 2;
  const int even_prefix = (prefix_tokens + 1) / 2, odd_prefix = prefix_tokens / 2;
  const int query = blockIdx.x * 16 + threadIdx.x / 16;
  auto even_token = [](int i) { return 2 * i; };
  auto odd_token = [](int i) { return 2 * i + 1; };
  float best;
  int index;
  most_similar(
      metric + image * tokens * width, width, blockIdx.x * 16, even, odd_prefix, odd, even_token,
      odd_token, best, index);
  if (threadIdx.x % 16 == 0 && query < even) {
    maxima[image * even + query] = query < even_prefix ? NEGATIVE_INFINITY : best;
    partner[image * even + query] = index;
  }
}

// MARK: Lists of sources

/// The sum of `value` over the threads before this one; `total` is that of the block. `shared`
/// holds nine numbers.
DEVICE int sum_before(int value, int *shared, int &total) {
  const int lane = lane_index();
  int sum = value;
  for (int distance = 1; distance < 32; distance *= 2) {
    const int other = __shfl_up_sync(ALL_LANES, sum, distance);
    if (lane >= distance) sum += other;
  }
  __syncthreads();
  if (lane == 31) shared[warp_index()] = sum;
  __syncthreads();
  int before = sum - value;
  total = 0;
  for (int warp = 0; warp < 8; warp++) {
    if (warp < warp_index()) before += shared[warp];
    total += shared[warp];
  }
  return before;
}

/// Writes `outputs` lists, each of its own token and then of the removed ones that go to it, in
/// their order.
///
/// `partners[k]` is the output of removed token k. `offsets` points at the first list's, `start` is
/// its first source's place.
template <typename Own, typename Removed>
DEVICE void write_lists(int outputs, int removed_count, const int *partners, int start, Own own,
                        Removed removed, int *offsets, int *sources, int *shared) {
  for (int first = 0; first < outputs; first += 256) {
    const int output = first + threadIdx.x;
    int count = 0, total;
    if (output < outputs) {
      count = 1;
      for (int k = 0; k < removed_count; k++) count += partners[k] == output;
    }
    int place = start + sum_before(count, shared, total);
    start += total;
    if (output < outputs) {
      offsets[output] = place;
      sources[place++] = own(output);
      for (int k = 0; k < removed_count; k++)
        if (partners[k] == output) sources[place++] = removed(k);
    }
  }
  if (threadIdx.x == 0) offsets[outputs] = start;
}

KERNEL(kept_lists, 256)
(const int *order, const int *partner, int first_removed, int tokens, int *offsets, int *sources) {
  int *shared = (int *)shared_memory(), *partners = shared + 16;
  const size_t image = blockIdx.x;
  const int *places = order + image * tokens;
  const int removed_count = tokens - first_removed;
  for (int k = threadIdx.x; k < removed_count; k += 256) partners[k] = partner[image * tokens + k];
  __syncthreads();
  write_lists(
      first_removed, removed_count, partners, 0, [=](int output) { return places[output]; },
      [=](int k) { return places[first_removed + k]; }, offsets + image * (first_removed + 1),
      sources + image * tokens, shared);
}

/// The `r` even tokens with the best partners are given to them; the output is special, other even,
/// then odd tokens.
KERNEL(bipartite_lists, 256)
(const float *maxima, const int *partner, int prefix_tokens, int tokens, int r, int *offsets,
 int *sources) {
  const int even = (tokens + 1) / 2, odd = tokens / 2;
  const int even_prefix = (prefix_tokens + 1) / 2, odd_prefix = prefix_tokens / 2;
  int *shared = (int *)shared_memory();
  unsigned *keys = (unsigned *)(shared + 16);
  int *order = shared + 16 + even, *merged = order + even;
  const size_t image = blockIdx.x;
  offsets += image * (tokens - r + 1);
  sources += image * tokens;
  for (int i = threadIdx.x; i < even; i += 256) keys[i] = descending_bits(maxima[image * even + i]);
  __syncthreads();
  // Special tokens have no place in the order: -infinity is also what a similarity that is not a
  // number counts as.
  for (int i = even_prefix + threadIdx.x; i < even; i += 256) {
    const int rank = count_before(keys, even_prefix, even, 1, i);
    merged[i] = rank < r;
    order[rank] = i;
  }
  __syncthreads();
  // The keys are no longer needed: the partners of the merged tokens, by rank, take their place.
  int *partners = (int *)keys;
  for (int k = threadIdx.x; k < r; k += 256)
    partners[k] = partner[image * even + order[k]] - odd_prefix;
  for (int i = threadIdx.x; i < prefix_tokens; i += 256) offsets[i] = sources[i] = i;
  int place = prefix_tokens;
  for (int first = even_prefix; first < even; first += 256) {
    const int i = first + threadIdx.x;
    const int stays = i < even && !merged[i];
    int total;
    const int output = place + sum_before(stays, shared, total);
    place += total;
    if (stays) offsets[output] = output, sources[output] = 2 * i;
  }
  __syncthreads();
  write_lists(
      odd - odd_prefix, r, partners, place, [=](int i) { return 2 * (odd_prefix + i) + 1; },
      [=](int k) { return 2 * order[k]; }, offsets + place, sources, shared);
}
