// Products on tensor cores that end with bias, exact activation and residual: dense convolutions as
// implicit GEMM, and linear layers, which are convolutions with a kernel of 1. Only the output
// is stored.
#include "mma.cuh"
#include "picture.cuh"

#if LAB_TENSOR_CORES

/// One block: 32 WM x 32 WN outputs by WM x WN warps of 32 pixels x 32 outputs each, 32 terms a
/// step, two steps in flight.
template <typename T, int WM, int WN>
struct Tiles {
  static constexpr int rows = 32 * WM, columns = 32 * WN, tile_k = 32, threads = 32 * WM * WN;
  /// An odd multiple of 16 bytes: eight rows meet eight banks.
  static constexpr int stride = tile_k + 8;
  static constexpr int stage = (rows + columns) * stride;
};

template <typename T, int WM, int WN>
DEVICE void convolve_mma(const T *in, const T *weight, int weight_stride, const float *bias,
                         const T *residual, int residual_stride, T *out, int pixels,
                         int activation, int activates_sum, const Picture p) {
  typedef Tiles<T, WM, WN> Tile;
  constexpr int tile_k = Tile::tile_k, stride = Tile::stride, chunks = tile_k / 8;
  T *tiles = (T *)shared_memory();
  const int first_pixel = blockIdx.x * Tile::rows, first_output = blockIdx.y * Tile::columns;
  const int sums = p.kernel * p.kernel * p.channels;
  const int steps = (sums + tile_k - 1) / tile_k;

  // Eight terms are eight channels under one tap, since channels are a multiple of eight.
  auto load = [&](int step) {
    T *to = tiles + (step & 1) * Tile::stage;
    for (int i = threadIdx.x; i < (Tile::rows + Tile::columns) * chunks; i += Tile::threads) {
      const int row = i / chunks, k = step * tile_k + i % chunks * 8;
      const T *from = in;
      bool there = k < sums;
      if (row < Tile::rows) {
        const int pixel = first_pixel + row;
        there = there && pixel < pixels;
        if (there) {
          const long long at = Window(p, pixel).tap(p, k / p.channels);
          there = at >= 0;
          if (there) from = in + at + k % p.channels;
        }
      } else {
        const int output = first_output + row - Tile::rows;
        there = there && output < p.out_channels;
        from = there ? weight + (size_t)output * weight_stride + k : weight;
      }
      copy_async(to + row * stride + i % chunks * 8, from, there);
    }
    commit_copies();
  };

  const int lane = lane_index(), warp = warp_index();
  const int own_row = warp / WN * 32, own_column = warp % WN * 32;
  float sum[2][4][4];
#pragma unroll
  for (int m = 0; m < 2; m++)
#pragma unroll
    for (int n = 0; n < 4; n++)
#pragma unroll
      for (int i = 0; i < 4; i++) sum[m][n][i] = 0;
  load(0);
  for (int step = 0; step < steps; step++) {
    wait_copies<0>();
    // What this thread has copied is there for all, and the other stage has been read by all.
    __syncthreads();
    if (step + 1 < steps) load(step + 1);
    const T *input = tiles + (step & 1) * Tile::stage + own_row * stride;
    const T *weights = tiles + (step & 1) * Tile::stage + (Tile::rows + own_column) * stride;
#pragma unroll
    for (int k = 0; k < tile_k; k += 16) {
      unsigned a[2][4];
#pragma unroll
      for (int m = 0; m < 2; m++)
        load_matrices(a[m], input + (m * 16 + lane % 16) * stride + k + lane / 16 * 8);
#pragma unroll
      for (int pair = 0; pair < 2; pair++) {
        unsigned b[4];
        load_matrices(
            b, weights + (pair * 16 + lane / 16 * 8 + lane % 8) * stride + k + lane / 8 % 2 * 8);
#pragma unroll
        for (int m = 0; m < 2; m++) {
          multiply(sum[m][2 * pair], a[m], b[0], b[1], T());
          multiply(sum[m][2 * pair + 1], a[m], b[2], b[3], T());
        }
      }
    }
  }

  const int g = lane / 4, t = lane % 4;
#pragma unroll
  for (int m = 0; m < 2; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int pixel = first_pixel + own_row + m * 16 + g + 8 * half;
      if (pixel >= pixels) continue;
      T *to = out + p.out_pixel(pixel);
      const T *added = residual ? residual + (size_t)pixel * residual_stride : 0;
#pragma unroll
      for (int n = 0; n < 4; n++) {
        const int output = first_output + own_column + n * 8 + 2 * t;
        float values[2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
          if (output + i >= p.out_channels) continue;
          values[i] = end_sum(sum[m][n][2 * half + i] + bias[output + i],
                              added ? added + output + i : 0, activation, activates_sum);
        }
        if (output + 1 < p.out_channels && (size_t)(to + output) % 4 == 0) {
          *(unsigned *)(to + output) = pack(values[0], values[1], T());
        } else {
          if (output < p.out_channels) from_float(values[0], to[output]);
          if (output + 1 < p.out_channels) from_float(values[1], to[output + 1]);
        }
      }
    }
}

#define CONVOLVE_MMA(T, S, NAME, WM, WN)                                                      \
  KERNEL(NAME##S, 32 * WM * WN)                                                               \
  (const T *in, const T *weight, int weight_stride, const float *bias, const T *residual,     \
   int residual_stride, T *out, int pixels, int activation, int activates_sum,                \
   PICTURE_PARAMETERS) {                                                                      \
    convolve_mma<T, WM, WN>(in, weight, weight_stride, bias, residual, residual_stride, out,  \
                            pixels, activation, activates_sum, PICTURE);                      \
  }
#define BOTH_SIZES(T, S)                                                                      \
  CONVOLVE_MMA(T, S, convolve_mma_large, 4, 4) CONVOLVE_MMA(T, S, convolve_mma_small, 2, 2)
FOR_TENSOR_TYPES(BOTH_SIZES)

#endif
