// Linear layers on the tensor cores of compute capability 9.0, by products of warpgroups, that end
// with bias, exact activation and residual. Compiled for sm_90a alone.
#include "gemm.cuh"
#include "wgmma.cuh"

#if LAB_WARPGROUPS

/// One block: 128 rows and 8 NT columns by two warpgroups, of 64 rows each; 64 terms a step,
/// `stages` steps in shared memory, of which the products of the last `running` may be under way
/// while the next begins.
template <typename T, int NT, int stages, int running>
DEVICE void gemm_wgmma(const GEMMOperands<T> from, const GEMMOutput<T> to) {
  constexpr int rows = 128, columns = 8 * NT, threads = 256, tile_k = 64;
  constexpr int stage = (rows + columns) * tile_k, ahead = stages - 1 - running;
  // Columns change fastest, as in gemm_mma.
  const int across = (to.columns + columns - 1) / columns;
  const int first_row = blockIdx.x / across * rows, first_column = blockIdx.x % across * columns;
  const int steps = (from.inputs + tile_k - 1) / tile_k;
  // The swizzle repeats from multiples of 1024 bytes on.
  unsigned char *memory = (unsigned char *)shared_memory();
  T *tiles = (T *)(memory + (1024 - (size_t)shared_address(memory) % 1024) % 1024);

  auto load = [&](int step) {
    if (step < steps)
      copy_operands<rows, columns, tile_k, threads>(tiles + step % stages * stage, from, first_row,
                                                    to.rows, first_column, to.columns,
                                                    step * tile_k);
    commit_copies();
  };

  wait_for_previous();
  let_next_start();
  // Bytes from the slot to the warpgroup's rows, to the columns, and from 16 terms to the next.
  constexpr int size = sizeof(T), to_columns = rows * tile_k * size, to_terms = 16 * size;
  const int to_rows = warp_index() / 4 * 64 * tile_k * size;
  const SharedAddress first_slot = shared_address(tiles);
  float sum[1][NT][4];
  clear(sum);
#pragma unroll
  for (int step = 0; step < ahead; step++) load(step);
  for (int step = 0; step < steps; step++) {
    wait_copies<ahead - 1>();
    show_to_products();
    // What this thread has copied is there for all, and the products have ended that read the slot
    // loaded next.
    __syncthreads();
    const SharedAddress slot = first_slot + step % stages * stage * size;
    const MatrixDescriptor a = describe(slot + to_rows), b = describe(slot + to_columns);
    begin_products();
#pragma unroll
    for (int k = 0; k < tile_k / 16; k++)
      multiply_warpgroup(sum, further(a, k * to_terms), further(b, k * to_terms), T());
    commit_products();
    load(step + ahead);
    wait_products<running>();
  }
  wait_products<0>();
  hold(sum);
  wait_copies<0>();
  __syncthreads();
  store_sums<T, 8, columns>(sum, warp_index(), 0, first_row, first_column, to);
}

#define GEMM_WGMMA(T, S, NAME, BLOCKS, NT, STAGES, RUNNING)                                   \
  RESIDENT_KERNEL(NAME##S, 256, BLOCKS)                                                       \
  (const T *in, int in_stride, const T *weight, int weight_stride, const float *bias,         \
   const T *residual, int residual_stride, T *out, int out_stride, int rows, int inputs,      \
   int outputs, int activation, int activates_sum) {                                          \
    gemm_wgmma<T, NT, STAGES, RUNNING>(                                                       \
        GEMMOperands<T>{in, in_stride, weight, weight_stride, inputs},                        \
        GEMMOutput<T>{bias, residual, residual_stride, out, out_stride, rows, outputs,        \
                      activation, activates_sum});                                            \
  }
// Two blocks of 128 columns fit a multiprocessor: one ends its rows while the other multiplies.
#define BOTH_WIDTHS(T, S)                                                                     \
  GEMM_WGMMA(T, S, gemm_wgmma_n128, 2, 16, 3, 0) GEMM_WGMMA(T, S, gemm_wgmma_n256, 1, 32, 4, 1)
FOR_HALVES(BOTH_WIDTHS)

#endif
