// The low-precision micro-kernels for one instruction set; gemm_bfloat16_sets.h and
// gemm_int8_sets.h include it once for each, with these defined:
//   ISA             suffix of the names defined here
//   TARGET          function attributes that enable the instructions
//   LANES           32-bit sums in a vector register
//   PANEL_VECTORS   vectors in a row of a panel
//   TILE_ROWS       maximum rows of a tile
//   SUM             the type of one sum: float or int32_t
//   SCALES_SUMS     1 if sums are integers to multiply by the scales of their row and column; else
//                   0
//   GROUP_BYTES     4 if an instruction multiplies a row's group by those of LANES columns; 8 if it
//                   multiplies the groups of two rows by those of two columns
//   LINE, FACTOR    types of a loaded vector of the panel and of one row's broadcast group, or of
//                   two rows' groups, with the functions load_line_ISA, load_factor_ISA and dot_ISA
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(name) JOIN(name, ISA)

typedef SUM NAME(sums) __attribute__((ext_vector_type(LANES), aligned(4)));
typedef float NAME(results) __attribute__((ext_vector_type(LANES), aligned(4)));

#if GROUP_BYTES == 4
/// Computes `rows` x (`vectors` * LANES) results over `groups` groups of k.
TARGET LAB_INLINE void NAME(low_tile)(const int rows, const int vectors, const low_tile *t) {
#pragma clang fp contract(fast)
  NAME(sums) sums[TILE_ROWS][PANEL_VECTORS];
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < vectors; j++) {
#if SCALES_SUMS
      sums[i][j] = -*(const NAME(sums) *)(t->column_offsets + j * LANES);
#else
      sums[i][j] = *(const NAME(sums) *)(t->bias + j * LANES);
      if (t->adds) sums[i][j] += *(const NAME(sums) *)(t->c + i * t->c_stride + j * LANES);
#endif
    }
  const char *a = t->a, *b = t->b, *prefetch = t->prefetch;
  const ptrdiff_t stride = t->a_stride, groups = t->groups, step = t->prefetch_step;
  const ptrdiff_t second = t->prefetch_second;
#pragma clang loop unroll(disable)
  for (ptrdiff_t k = 0; k < groups; k++, b += 4 * LANES * PANEL_VECTORS, a += 4, prefetch += step) {
    __builtin_prefetch(prefetch, 0, 2);
    __builtin_prefetch(prefetch + second, 0, 2);
    LINE line[PANEL_VECTORS];
#pragma unroll
    for (int j = 0; j < vectors; j++) line[j] = NAME(load_line)(b + 4 * j * LANES);
#pragma unroll
    for (int i = 0; i < rows; i++) {
      const FACTOR factor = NAME(load_factor)(a + i * stride);
#pragma unroll
      for (int j = 0; j < vectors; j++) NAME(dot)(&sums[i][j], factor, line[j]);
    }
  }
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < vectors; j++) {
      float *to = t->c + i * t->c_stride + j * LANES;
#if SCALES_SUMS
      const NAME(results) scale =
          *(const NAME(results) *)(t->column_scales + j * LANES) * t->row_scales[i];
      NAME(results) start = *(const NAME(results) *)(t->bias + j * LANES);
      if (t->adds) start += *(const NAME(results) *)to;
      *(NAME(results) *)to =
          __builtin_convertvector(sums[i][j], NAME(results)) * scale + start;
#else
      *(NAME(sums) *)to = sums[i][j];
#endif
    }
}
#else
/// Computes `rows` x (`vectors` * LANES) results over `groups` groups of k.
///
/// A vector of sums has 2 x 2 of them: rows 2 i and 2 i + 1, columns 2 j and 2 j + 1. If the number
/// of rows is odd, the last one is multiplied twice.
TARGET LAB_INLINE void NAME(low_tile)(const int rows, const int vectors, const low_tile *t) {
#pragma clang fp contract(fast)
  const int row_pairs = (rows + 1) / 2, column_pairs = vectors * LANES / 2;
  NAME(sums) sums[TILE_ROWS / 2][PANEL_VECTORS * LANES / 2];
#pragma unroll
  for (int i = 0; i < row_pairs; i++)
#pragma unroll
    for (int j = 0; j < column_pairs; j++) sums[i][j] = (NAME(sums))(0);
  const char *a = t->a, *b = t->b, *prefetch = t->prefetch;
  const ptrdiff_t stride = t->a_stride, groups = t->groups, step = t->prefetch_step;
  const ptrdiff_t second = t->prefetch_second;
#pragma clang loop unroll(disable)
  for (ptrdiff_t k = 0; k < groups; k++, b += 8 * LANES * PANEL_VECTORS, a += 8, prefetch += step) {
    __builtin_prefetch(prefetch, 0, 2);
    __builtin_prefetch(prefetch + second, 0, 2);
    // All factors are held, and the vectors of the panel are not: with 24 vectors of sums, there
    // are not enough registers for both.
    FACTOR factor[TILE_ROWS / 2];
#pragma unroll
    for (int i = 0; i < row_pairs; i++) {
      const int other = 2 * i + 1 < rows ? 2 * i + 1 : 2 * i;
      factor[i] = NAME(load_factor)(a + 2 * i * stride, a + other * stride);
    }
#pragma unroll
    for (int j = 0; j < column_pairs; j++) {
      const LINE line = NAME(load_line)(b + 16 * j);
#pragma unroll
      for (int i = 0; i < row_pairs; i++) NAME(dot)(&sums[i][j], factor[i], line);
    }
  }
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int j = 0; j < vectors; j++) {
      const NAME(sums) left = sums[i / 2][2 * j], right = sums[i / 2][2 * j + 1];
      const NAME(sums) row = i % 2 == 0 ? __builtin_shufflevector(left, right, 0, 1, 4, 5)
                                        : __builtin_shufflevector(left, right, 2, 3, 6, 7);
      float *to = t->c + i * t->c_stride + j * LANES;
      NAME(results) start = *(const NAME(results) *)(t->bias + j * LANES);
      if (t->adds) start += *(const NAME(results) *)to;
#if SCALES_SUMS
      const NAME(sums) own = row - *(const NAME(sums) *)(t->column_offsets + j * LANES);
      const NAME(results) scale =
          *(const NAME(results) *)(t->column_scales + j * LANES) * t->row_scales[i];
      *(NAME(results) *)to = __builtin_convertvector(own, NAME(results)) * scale + start;
#else
      *(NAME(results) *)to = row + start;
#endif
    }
}
#endif

#define TILE_OF(rows)                                                                    \
  TARGET static void NAME(low_tile_##rows)(const low_tile *t) {                      \
    NAME(low_tile)(rows, PANEL_VECTORS, t);                                            \
  }                                                                                      \
  TARGET static void NAME(low_narrow_##rows)(const low_tile *t) {                    \
    NAME(low_tile)(rows, 1, t);                                                        \
  }
TILE_OF(1)
TILE_OF(2)
TILE_OF(3)
TILE_OF(4)
#if TILE_ROWS > 4
TILE_OF(5)
TILE_OF(6)
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
static low_tile_function *const NAME(low_tiles)[TILE_ROWS + 1][2] = {
    {NULL, NULL},
    {NAME(low_tile_1), NAME(low_narrow_1)},
    {NAME(low_tile_2), NAME(low_narrow_2)},
    {NAME(low_tile_3), NAME(low_narrow_3)},
    {NAME(low_tile_4), NAME(low_narrow_4)},
#if TILE_ROWS > 4
    {NAME(low_tile_5), NAME(low_narrow_5)},
    {NAME(low_tile_6), NAME(low_narrow_6)},
    {NAME(low_tile_7), NAME(low_narrow_7)},
    {NAME(low_tile_8), NAME(low_narrow_8)},
#endif
#if TILE_ROWS > 8
    {NAME(low_tile_9), NAME(low_narrow_9)},
    {NAME(low_tile_10), NAME(low_narrow_10)},
    {NAME(low_tile_11), NAME(low_narrow_11)},
    {NAME(low_tile_12), NAME(low_narrow_12)},
    {NAME(low_tile_13), NAME(low_narrow_13)},
    {NAME(low_tile_14), NAME(low_narrow_14)},
#endif
};

static const low_kernels NAME(low_kernels) = {
    .panel = PANEL_VECTORS * LANES,
    .lanes = LANES,
    .tile_rows = TILE_ROWS,
    .group_bytes = GROUP_BYTES,
    .tiles = (low_tile_function *const *)NAME(low_tiles),
};

#undef JOIN2
#undef JOIN
#undef NAME
#undef TILE_OF
#undef ISA
#undef TARGET
#undef LANES
#undef PANEL_VECTORS
#undef TILE_ROWS
#undef SUM
#undef SCALES_SUMS
#undef GROUP_BYTES
#undef LINE
#undef FACTOR
