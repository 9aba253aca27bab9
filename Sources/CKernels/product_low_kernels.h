// The matrix product over short numbers for one instruction set; included once for
// each by product_bfloat16_sets.h and product_int8_sets.h, with these defined:
//   ISA             suffix of the names made here
//   TARGET          function attributes that allow the instructions
//   LANES           32-bit sums in a vector register
//   PANEL_VECTORS   vectors in a row of a panel
//   TILE_ROWS       maximum rows of a tile
//   SUM             the type of one sum: float or int32_t
//   SCALES_SUMS     1 where sums are integers, which a scale of the row and one of the column turn
//                   into floats; else 0
//   LINE, FACTOR    types of a loaded vector of the panel and of one row's group of numbers, with
//                   the functions load_line_ISA, load_factor_ISA and dot_ISA
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define NAME(name) JOIN(name, ISA)

typedef SUM NAME(sums) __attribute__((ext_vector_type(LANES), aligned(4)));
typedef float NAME(results) __attribute__((ext_vector_type(LANES), aligned(4)));

/// `rows` x (`vectors` * LANES) results over `groups` groups of k.
TARGET LAB_INLINE void NAME(short_tile)(const int rows, const int vectors, const short_tile *t) {
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
  const char *a = t->a, *b = t->b, *ahead = t->ahead;
  const ptrdiff_t stride = t->a_stride, groups = t->groups, step = t->ahead_step;
  const ptrdiff_t second = t->ahead_second;
#pragma clang loop unroll(disable)
  for (ptrdiff_t k = 0; k < groups; k++, b += 4 * LANES * PANEL_VECTORS, a += 4, ahead += step) {
    __builtin_prefetch(ahead, 0, 2);
    __builtin_prefetch(ahead + second, 0, 2);
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

#define TILE_OF(rows)                                                                    \
  TARGET static void NAME(short_tile_##rows)(const short_tile *t) {                      \
    NAME(short_tile)(rows, PANEL_VECTORS, t);                                            \
  }                                                                                      \
  TARGET static void NAME(short_narrow_##rows)(const short_tile *t) {                    \
    NAME(short_tile)(rows, 1, t);                                                        \
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

/// By the number of rows; the second half of each pair computes the panel's first vector alone.
static short_tile_function *const NAME(short_tiles)[TILE_ROWS + 1][2] = {
    {NULL, NULL},
    {NAME(short_tile_1), NAME(short_narrow_1)},
    {NAME(short_tile_2), NAME(short_narrow_2)},
    {NAME(short_tile_3), NAME(short_narrow_3)},
    {NAME(short_tile_4), NAME(short_narrow_4)},
#if TILE_ROWS > 4
    {NAME(short_tile_5), NAME(short_narrow_5)},
    {NAME(short_tile_6), NAME(short_narrow_6)},
    {NAME(short_tile_7), NAME(short_narrow_7)},
    {NAME(short_tile_8), NAME(short_narrow_8)},
#endif
#if TILE_ROWS > 8
    {NAME(short_tile_9), NAME(short_narrow_9)},
    {NAME(short_tile_10), NAME(short_narrow_10)},
    {NAME(short_tile_11), NAME(short_narrow_11)},
    {NAME(short_tile_12), NAME(short_narrow_12)},
    {NAME(short_tile_13), NAME(short_narrow_13)},
    {NAME(short_tile_14), NAME(short_narrow_14)},
#endif
};

static const short_kernels NAME(short_kernels) = {
    .panel = PANEL_VECTORS * LANES,
    .lanes = LANES,
    .tile_rows = TILE_ROWS,
    .tiles = (short_tile_function *const *)NAME(short_tiles),
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
#undef LINE
#undef FACTOR
