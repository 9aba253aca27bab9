// LayerNorm and the linear layer behind it as one kernel, for few rows: a block normalizes its rows
// itself, again for each tile of columns, which takes less time than a launch.
#include "gemm.cuh"
#include "norm.cuh"

#if LAB_TENSOR_CORES

/// One block: 32 MT rows, all of their terms in shared memory, by 64 outputs; 4 warps; 64 terms of
/// the weight a step, six steps in flight.
template <typename T, int MT>
DEVICE void norm_gemm_mma(const T *x, const float *norm_weight, const float *norm_bias,
                          float epsilon, const T *weight, int weight_stride, int inputs,
                          const GEMMOutput<T> to) {
  constexpr int rows = 32 * MT, columns = 64, threads = 128, NT = 4;
  constexpr int tile_k = 64, pieces = tile_k / 8, stage = columns * tile_k, stages = 6;
  const int across = (to.columns + columns - 1) / columns;
  const int first_row = blockIdx.x / across * rows, first_column = blockIdx.x % across * columns;
  const int steps = (inputs + tile_k - 1) / tile_k;
  // Products take 16 terms at a time; an odd multiple of 16 bytes, so that eight rows meet eight
  // banks.
  const int terms = (inputs + 15) / 16 * 16, line = terms + 8;
  T *weights = (T *)shared_memory(), *input = weights + stages * stage;

  auto load = [&](int step) {
    if (step < steps) {
      T *slot = weights + step % stages * stage;
#pragma unroll
      for (int n = 0; n < columns * pieces / threads; n++) {
        const int row = threadIdx.x / pieces + n * (threads / pieces);
        const int piece = threadIdx.x % pieces, k = step * tile_k + piece * 8;
        const bool there = k < inputs && first_column + row < to.columns;
        const T *from = weight + (size_t)(first_column + row) * weight_stride + k;
        copy_async(slot + tile_place<tile_k>(row, piece), there ? from : weight, there);
      }
    }
    commit_copies();
  };

  // Weights do not change, so that they may come while the kernel before still runs.
#pragma unroll
  for (int step = 0; step < stages - 1; step++) load(step);
  wait_for_previous();
  let_next_start();
  for (int i = threadIdx.x; i < rows * (inputs / 8); i += threads) {
    const int row = i / (inputs / 8), k = i % (inputs / 8) * 8;
    const bool there = first_row + row < to.rows;
    copy_async(input + row * line + k, there ? x + (size_t)(first_row + row) * inputs + k : x,
               there);
  }
  commit_copies();
  wait_copies<0>();
  __syncthreads();
  const int lane = lane_index(), warp = warp_index();
  for (int row = warp; row < rows; row += threads / 32) {
    T *own = input + row * line;
    normalize_row(own, norm_weight, norm_bias, epsilon, inputs, own);
    if (inputs + lane < terms) from_float(0.0f, own[inputs + lane]);
  }
  __syncthreads();

  const int own_row = warp / 2 * 16 * MT, own_column = warp % 2 * 8 * NT;
  // Where the lane's terms lie: in the input, and in bytes in a slot of the weight.
  constexpr int size = sizeof(T);
  const SharedAddress left =
      shared_address(input + (own_row + left_row()) * line + left_piece() * 8);
  const SharedAddress first_slot = shared_address(weights);
  int right[pieces / 2];
#pragma unroll
  for (int k = 0; k < pieces / 2; k++)
    right[k] = tile_place<tile_k>(own_column + right_row(), 2 * k + right_piece()) * size;
  float sum[MT][NT][4];
  clear(sum);
  for (int step = 0; step < steps; step++) {
    wait_copies<stages - 2>();
    __syncthreads();
    load(step + stages - 1);
    const SharedAddress slot = first_slot + step % stages * stage * size;
#pragma unroll
    for (int k = 0; k < pieces / 2; k++) {
      const int first = step * tile_k + k * 16;
      if (first >= inputs) break;
      multiply_terms<T>(sum, left + first * size, 16 * line * size, slot + right[k],
                        16 * tile_k * size);
    }
  }
  wait_copies<0>();
  __syncthreads();
  store_sums<T, 2, columns>(sum, warp / 2, own_column, first_row, first_column, to);
}

#define NORM_GEMM(T, S, NAME, MT)                                                             \
  KERNEL(NAME##S, 128)                                                                        \
  (const T *x, const float *norm_weight, const float *norm_bias, float epsilon,               \
   const T *weight, int weight_stride, const float *bias, T *out, int rows, int inputs,       \
   int outputs, int activation) {                                                             \
    norm_gemm_mma<T, MT>(                                                                     \
        x, norm_weight, norm_bias, epsilon, weight, weight_stride, inputs,                    \
        GEMMOutput<T>{bias, 0, 0, out, outputs, rows, outputs, activation, 0});               \
  }
#define BOTH_SIZES(T, S)                                                                      \
  NORM_GEMM(T, S, norm_gemm_mma_r32, 1) NORM_GEMM(T, S, norm_gemm_mma_r64, 2)
FOR_TENSOR_TYPES(BOTH_SIZES)

#endif
