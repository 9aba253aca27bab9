// The GEMM micro-kernels for one instruction set; gemm.c includes it once for each, with these
// defined:
//   ISA             suffix of the names defined here
//   TARGET          function attributes that enable the instructions
//   LANES           floats in a vector register
//   PANEL_VECTORS   vectors in a row of a panel
//   TILE_ROWS       maximum rows of a tile: TILE_ROWS * PANEL_VECTORS sums, one row of the panel
//                   and one element of A fill the registers
#include "activation_kernels.h"
#define PANEL (PANEL_VECTORS * LANES)

/// Loads a vector; of a tile's last vector only the columns that exist.
TARGET LAB_INLINE VECTOR NAME(load_columns)(const float *at, const bool is_last,
                                            const gemm_tile *t) {
#if LANES == 16
  if (is_last)
    return (VECTOR)_mm512_maskz_loadu_ps((__mmask16)(0xFFFFu >> (16 - t->last_columns)), at);
#endif
  return *(const VECTOR *)at;
}

TARGET LAB_INLINE void NAME(store_columns)(float *at, VECTOR x, const bool is_last,
                                           const gemm_tile *t) {
#if LANES == 16
  if (is_last) {
    _mm512_mask_storeu_ps(at, (__mmask16)(0xFFFFu >> (16 - t->last_columns)), (__m512)x);
    return;
  }
#endif
  *(VECTOR *)at = x;
}

TARGET LAB_INLINE void NAME(add_residual)(const int rows, const int vectors,
                                          VECTOR sums[TILE_ROWS][PANEL_VECTORS],
                                          const gemm_tile *t) {
  const float *residual = t->epilogue->residual;
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < vectors; j++)
      sums[i][j] += NAME(load_columns)(residual + i * t->epilogue->residual_stride + j * LANES,
                                       j == vectors - 1, t);
}

/// Applies activation and residual to a tile's sums.
TARGET LAB_INLINE void NAME(apply_epilogue_to_tile)(const int rows, const int vectors,
                                                    VECTOR sums[TILE_ROWS][PANEL_VECTORS],
                                                    const gemm_tile *t) {
  const tile_epilogue *epilogue = t->epilogue;
  if (epilogue->residual && epilogue->activates_sum) NAME(add_residual)(rows, vectors, sums, t);
  if (epilogue->activation == LAB_ACTIVATION_RELU) {
#pragma unroll
    for (int i = 0; i < rows; i++)
#pragma unroll
      for (int j = 0; j < vectors; j++) sums[i][j] = NAME(relu)(sums[i][j]);
  } else if (epilogue->activation == LAB_ACTIVATION_HARD_SWISH) {
#pragma unroll
    for (int i = 0; i < rows; i++)
#pragma unroll
      for (int j = 0; j < vectors; j++) sums[i][j] *= NAME(hard_sigmoid)(sums[i][j]);
  }
  if (epilogue->residual && !epilogue->activates_sum) NAME(add_residual)(rows, vectors, sums, t);
}

/// One tile: `rows` x (`vectors` * LANES) sums in registers, each one chain of fused multiply-adds
/// in the order of k, so that a sum does not depend on the other rows and columns of its tile.
TARGET LAB_INLINE void NAME(tile)(const int rows, const int vectors, const gemm_tile *t) {
#pragma clang fp contract(fast)
  VECTOR sums[TILE_ROWS][PANEL_VECTORS];
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < vectors; j++) {
      VECTOR start = (VECTOR)(0.0f);
      if (t->bias) start = *(const VECTOR *)(t->bias + j * LANES);
      if (t->adds)
        start += NAME(load_columns)(t->c + i * t->c_stride + j * LANES, j == vectors - 1, t);
      sums[i][j] = start;
    }
  const float *a = t->a, *b = t->b;
  const char *prefetch = t->prefetch;
  const ptrdiff_t stride = t->a_stride, count = t->k, step = t->prefetch_step;
  const ptrdiff_t second = t->prefetch_second;
  ptrdiff_t lines = t->lines;
  do {
#pragma clang loop unroll(disable)
    for (ptrdiff_t at = 0; at < count; at++, b += PANEL, prefetch += step) {
      __builtin_prefetch(prefetch, 0, 2);
      if (PANEL * (ptrdiff_t)sizeof *b > CACHE_LINE) __builtin_prefetch(prefetch + second, 0, 2);
      VECTOR line[PANEL_VECTORS];
#pragma unroll
      for (int j = 0; j < vectors; j++) line[j] = *(const VECTOR *)(b + j * LANES);
#pragma unroll
      for (int i = 0; i < rows; i++) {
        const VECTOR factor = (VECTOR)(a[i * stride + at]);
#pragma unroll
        for (int j = 0; j < vectors; j++) sums[i][j] = factor * line[j] + sums[i][j];
      }
    }
    a += t->a_line;
  } while (--lines > 0);
  if (t->epilogue) NAME(apply_epilogue_to_tile)(rows, vectors, sums, t);
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < vectors; j++)
      NAME(store_columns)(t->c + i * t->c_stride + j * LANES, sums[i][j], j == vectors - 1, t);
}

#define TILE_OF(rows)                                                                       \
  TARGET static void NAME(tile_##rows)(const gemm_tile *t) {                             \
    NAME(tile)(rows, PANEL_VECTORS, t);                                                     \
  }                                                                                         \
  TARGET static void NAME(narrow_##rows)(const gemm_tile *t) { NAME(tile)(rows, 1, t); }
TILE_OF(1)
TILE_OF(2)
TILE_OF(3)
TILE_OF(4)
TILE_OF(5)
TILE_OF(6)
#if TILE_ROWS > 6
TILE_OF(7)
TILE_OF(8)
#endif
#if TILE_ROWS > 8
TILE_OF(9)
TILE_OF(10)
TILE_OF(11)
TILE_OF(12)
TILE_OF(13)
TILE_OF(14)
#endif

/// By the number of rows: the full panel, and the panel's first vector only.
static gemm_tile_function *const NAME(tiles)[TILE_ROWS + 1][2] = {
    {NULL, NULL},
    {NAME(tile_1), NAME(narrow_1)},
    {NAME(tile_2), NAME(narrow_2)},
    {NAME(tile_3), NAME(narrow_3)},
    {NAME(tile_4), NAME(narrow_4)},
    {NAME(tile_5), NAME(narrow_5)},
    {NAME(tile_6), NAME(narrow_6)},
#if TILE_ROWS > 6
    {NAME(tile_7), NAME(narrow_7)},
    {NAME(tile_8), NAME(narrow_8)},
#endif
#if TILE_ROWS > 8
    {NAME(tile_9), NAME(narrow_9)},
    {NAME(tile_10), NAME(narrow_10)},
    {NAME(tile_11), NAME(narrow_11)},
    {NAME(tile_12), NAME(narrow_12)},
    {NAME(tile_13), NAME(narrow_13)},
    {NAME(tile_14), NAME(narrow_14)},
#endif
};

static const gemm_kernels NAME(kernels) = {
    .panel = PANEL,
    .lanes = LANES,
    .tile_rows = TILE_ROWS,
    .has_masks = LANES == 16,
    .tiles = (gemm_tile_function *const *)NAME(tiles),
    .apply_epilogue = NAME(apply_epilogue),
};

#undef JOIN2
#undef JOIN
#undef NAME
#undef PANEL
#undef VECTOR
#undef INTEGERS
#undef TILE_OF
#undef ISA
#undef TARGET
#undef LANES
#undef PANEL_VECTORS
#undef TILE_ROWS
