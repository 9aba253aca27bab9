// What the GEMMs of ours on tensor cores share: tiles in shared memory without bank conflicts, the
// products of a warp, and the epilogue.
#ifndef LAB_GEMM_CUH
#define LAB_GEMM_CUH

#include "activation.cuh"
#include "mma.cuh"

#if LAB_TENSOR_CORES

/// Where eight terms of a row lie in a tile of 32 or 64 terms a row: neighboring rows hold their
/// pieces of 16 bytes in another order, so that eight rows meet eight different banks.
template <int tile_k>
DEVICE int tile_place(int row, int piece) {
  return row * tile_k + (piece ^ (tile_k == 64 ? row & 7 : row >> 1 & 3)) * 8;
}

/// The lane's row of the 16 that a product takes of the left operand, and of the right one.
DEVICE int left_row() { return lane_index() % 16; }
DEVICE int right_row() { return lane_index() / 16 * 8 + lane_index() % 8; }
/// The lane's eight of 16 terms.
DEVICE int left_piece() { return lane_index() / 16; }
DEVICE int right_piece() { return lane_index() / 8 % 2; }

/// Adds the products of 16 terms of 16 MT rows and 8 NT columns.
///
/// `a` and `b` are the addresses of the lane's eight terms of its row; 16 rows further are so many
/// bytes.
template <typename T, int MT, int NT>
DEVICE void multiply_terms(float (&sum)[MT][NT][4], SharedAddress a, int a_step, SharedAddress b,
                           int b_step) {
  unsigned left[MT][4];
#pragma unroll
  for (int m = 0; m < MT; m++) load_matrices(left[m], a + m * a_step);
#pragma unroll
  for (int pair = 0; pair < NT / 2; pair++) {
    unsigned right[4];
    load_matrices(right, b + pair * b_step);
#pragma unroll
    for (int m = 0; m < MT; m++) {
      multiply(sum[m][2 * pair], left[m], right[0], right[1], T());
      multiply(sum[m][2 * pair + 1], left[m], right[2], right[3], T());
    }
  }
}

template <int MT, int NT>
DEVICE void clear(float (&sum)[MT][NT][4]) {
#pragma unroll
  for (int m = 0; m < MT; m++)
#pragma unroll
    for (int n = 0; n < NT; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) sum[m][n][i] = 0;
}

/// The two matrices of a GEMM, with rows of `inputs` terms; strides are in elements.
template <typename T>
struct GEMMOperands {
  const T *in;
  int in_stride;
  const T *weight;
  int weight_stride;
  int inputs;
};

/// Starts copying `tile_k` terms from `first_k` on of a block's rows: those of the input, then
/// those of the weight, which are its columns. Zeros stand for what lies beyond the matrices.
template <int rows, int columns, int tile_k, int threads, typename T>
DEVICE void copy_operands(T *slot, const GEMMOperands<T> &from, int first_row, int row_limit,
                          int first_column, int column_limit, int first_k) {
  constexpr int pieces = tile_k / 8;
#pragma unroll
  for (int n = 0; n < (rows + columns) * pieces / threads; n++) {
    const int row = threadIdx.x / pieces + n * (threads / pieces);
    const int piece = threadIdx.x % pieces, k = first_k + piece * 8;
    const bool is_input = n * (threads / pieces) < rows;
    const int index = is_input ? first_row + row : first_column + row - rows;
    const bool there = k < from.inputs && index < (is_input ? row_limit : column_limit);
    const T *source = is_input ? from.in + (size_t)index * from.in_stride + k
                               : from.weight + (size_t)index * from.weight_stride + k;
    copy_async(slot + tile_place<tile_k>(row, piece), there ? source : from.in, there);
  }
}

/// What follows a sum, and where it goes.
template <typename T>
struct GEMMOutput {
  const float *bias;
  const T *residual;
  int residual_stride;
  T *out;
  int out_stride;
  int rows, columns;
  int activation, activates_sum;
};

/// Ends eight sums of a row and writes them, in pieces of 16 bytes where they lie so.
template <typename T>
DEVICE void end_eight(const float *sums, int row, int column, const GEMMOutput<T> &to) {
  float x[8], added[8];
  T *target = to.out + (size_t)row * to.out_stride + column;
  const T *residual = to.residual ? to.residual + (size_t)row * to.residual_stride + column : 0;
  load8(sums, x);
  const bool is_wide = column + 8 <= to.columns && ((size_t)target | (size_t)residual) % 16 == 0;
  if (is_wide) {
    load8(to.bias + column, added);
#pragma unroll
    for (int k = 0; k < 8; k++) x[k] += added[k];
    if (residual) load8(residual, added);
  } else {
#pragma unroll
    for (int k = 0; k < 8; k++) {
      const bool there = column + k < to.columns;
      x[k] += there ? to.bias[column + k] : 0.0f;
      added[k] = there && residual ? to_float(residual[k]) : 0.0f;
    }
  }
  if (residual && to.activates_sum)
#pragma unroll
    for (int k = 0; k < 8; k++) x[k] += added[k];
  activate(x, to.activation);
  if (residual && !to.activates_sum)
#pragma unroll
    for (int k = 0; k < 8; k++) x[k] += added[k];
  if (is_wide) {
    store8(target, x);
  } else {
#pragma unroll
    for (int k = 0; k < 8; k++)
      if (column + k < to.columns) from_float(x[k], target[k]);
  }
}

/// Ends and writes the sums of a block, 16 rows of each warp at a time: through shared memory, from
/// which threads take consecutive columns.
///
/// The block's tile begins at `first_row` and `first_column`; the calling warp's sums are those of
/// the warp_row-th of WM warps above each other, from `column` of the tile on. All threads come
/// here when nobody reads the shared memory any more.
template <typename T, int WM, int COLUMNS, int MT, int NT>
DEVICE void store_sums(const float (&sum)[MT][NT][4], int warp_row, int column, int first_row,
                       int first_column, const GEMMOutput<T> &to) {
  // Eight rows of two neighboring columns meet different banks.
  constexpr int line = COLUMNS + 8, pieces = COLUMNS / 8;
  float *slab = (float *)shared_memory();
  const int g = lane_index() / 4, t = lane_index() % 4;
#pragma unroll
  for (int m = 0; m < MT; m++) {
#pragma unroll
    for (int n = 0; n < NT; n++)
#pragma unroll
      for (int half = 0; half < 2; half++)
        *(float2 *)(slab + (warp_row * 16 + half * 8 + g) * line + column + n * 8 + 2 * t) =
            float2{sum[m][n][2 * half], sum[m][n][2 * half + 1]};
    __syncthreads();
#pragma unroll 1
    for (int i = threadIdx.x; i < WM * 16 * pieces; i += blockDim.x) {
      const int at = i / pieces, piece = i % pieces * 8;
      const int row = first_row + (at / 16 * MT + m) * 16 + at % 16;
      if (row < to.rows && first_column + piece < to.columns)
        end_eight(slab + at * line + piece, row, first_column + piece, to);
    }
    __syncthreads();
  }
}

#endif
#endif
