// Linear layers on tensor cores that end with bias, exact activation and residual. Only the output
// is stored.
#include "gemm.cuh"

#if LAB_TENSOR_CORES

/// One block: 16 MT WM x 8 NT WN outputs by WM x WN warps; 32 terms a step, `stages` steps in
/// shared memory.
template <typename T, int WM, int WN, int MT, int NT, int stages>
DEVICE void gemm_mma(const GEMMOperands<T> from, const GEMMOutput<T> to) {
  constexpr int rows = 16 * MT * WM, columns = 8 * NT * WN, threads = 32 * WM * WN;
  constexpr int tile_k = 32, pieces = tile_k / 8, stage = (rows + columns) * tile_k;
  // Columns change fastest, so that the blocks that run at once share their rows of the input: it
  // is larger than the weight, which stays in the second-level cache.
  const int across = (to.columns + columns - 1) / columns;
  const int first_row = blockIdx.x / across * rows, first_column = blockIdx.x % across * columns;
  const int steps = (from.inputs + tile_k - 1) / tile_k;
  T *tiles = (T *)shared_memory();

  auto load = [&](int step) {
    if (step < steps)
      copy_operands<rows, columns, tile_k, threads>(tiles + step % stages * stage, from, first_row,
                                                    to.rows, first_column, to.columns,
                                                    step * tile_k);
    commit_copies();
  };

  wait_for_previous();
  let_next_start();
  const int warp = warp_index();
  const int own_row = warp / WN * 16 * MT, own_column = warp % WN * 8 * NT;
  // Where the lane's terms lie in a slot, in bytes.
  constexpr int size = sizeof(T);
  int left[pieces / 2], right[pieces / 2];
#pragma unroll
  for (int k = 0; k < pieces / 2; k++) {
    left[k] = tile_place<tile_k>(own_row + left_row(), 2 * k + left_piece()) * size;
    right[k] = tile_place<tile_k>(rows + own_column + right_row(), 2 * k + right_piece()) * size;
  }
  const SharedAddress first_slot = shared_address(tiles);
  float sum[MT][NT][4];
  clear(sum);
#pragma unroll
  for (int step = 0; step < stages - 1; step++) load(step);
  for (int step = 0; step < steps; step++) {
    wait_copies<stages - 2>();
    // What this thread has copied is there for all, and the slot loaded next has been read by all.
    __syncthreads();
    load(step + stages - 1);
    const SharedAddress slot = first_slot + step % stages * stage * size;
#pragma unroll
    for (int k = 0; k < pieces / 2; k++)
      multiply_terms<T>(
          sum, slot + left[k], 16 * tile_k * size, slot + right[k], 16 * tile_k * size);
  }
  wait_copies<0>();
  __syncthreads();
  store_sums<T, WM, columns>(sum, warp / WN, own_column, first_row, first_column, to);
}

#define GEMM_MMA(T, S, NAME, WM, WN, MT, NT, STAGES)                                          \
  KERNEL(NAME##S, 32 * WM * WN)                                                               \
  (const T *in, int in_stride, const T *weight, int weight_stride, const float *bias,         \
   const T *residual, int residual_stride, T *out, int out_stride, int rows, int inputs,      \
   int outputs, int activation, int activates_sum) {                                          \
    gemm_mma<T, WM, WN, MT, NT, STAGES>(                                                      \
        GEMMOperands<T>{in, in_stride, weight, weight_stride, inputs},                        \
        GEMMOutput<T>{bias, residual, residual_stride, out, out_stride, rows, outputs,        \
                      activation, activates_sum});                                            \
  }
#define BOTH_SIZES(T, S)                                                                      \
  GEMM_MMA(T, S, gemm_mma_large, 2, 4, 4, 4, 3) GEMM_MMA(T, S, gemm_mma_small, 2, 2, 2, 4, 4)
FOR_TENSOR_TYPES(BOTH_SIZES)

#endif
