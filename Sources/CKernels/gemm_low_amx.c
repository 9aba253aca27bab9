// GEMM in bfloat16 and int8 on AMX: tile registers of 16 rows of 64 bytes, and an instruction that
// multiplies two of them.
//
// A panel of 32 columns is two columns of tiles, as it lies in memory: 16 groups of k by 16 columns
// of 4 bytes. 16 rows of A by 16 groups are a tile too. Four tiles hold 32 x 32 sums, two a part of
// A, two a part of the panel. Where the groups are no multiple of 16, the rest of both is copied
// beside zeros, so that nothing beyond k is read.
//
// tdpbf16ps adds the even and the odd products of a tile separately in float32 with fused
// multiply-adds, then both to the sum; it treats subnormal numbers as 0. tdpbusd is exact.
#include "gemm_low_tiles.h"

#if defined(__x86_64__)
// Only tiles: everything that needs vectors is in other functions.
#define AMX_TARGET __attribute__((target("amx-tile,amx-bf16,amx-int8")))

enum {
  TILE_ROWS = 16,
  TILE_BYTES = 64,
  /// A panel, and a row of sums, in bytes and in columns.
  PANEL_BYTES = 2 * TILE_BYTES,
  PANEL = 32,
};

/// The operand of ldtilecfg, see Intel's manual, "Tile Configuration".
typedef struct {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_configuration;
_Static_assert(sizeof(tile_configuration) == 64, "the CPU reads 64 bytes");

/// Sums of 32 x 32 elements.
typedef union {
  float floats[2 * TILE_ROWS * PANEL];
  int32_t integers[2 * TILE_ROWS * PANEL];
} tile_sums;

/// Parts of A and of a panel that are less than a tile, beside zeros.
typedef struct {
  _Alignas(64) char a[2][TILE_ROWS * TILE_BYTES];
  _Alignas(64) char b[TILE_ROWS * PANEL_BYTES];
  /// Groups in it: 0 if there is no such part.
  ptrdiff_t groups;
} tile_rest;

/// Configures all tiles of this thread, whose contents become 0: 0 ... 3 for sums and 4 and 5 for A
/// with `height` rows, 6 and 7 for the panel.
AMX_TARGET static void configure(ptrdiff_t height) {
  _Alignas(64) tile_configuration configuration = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    configuration.row_bytes[i] = TILE_BYTES;
    configuration.rows[i] = (uint8_t)(i < 6 ? height : TILE_ROWS);
  }
  _tile_loadconfig(&configuration);
}

AMX_TARGET static void release(void) { _tile_release(); }

#define DOT(sums, a, b)                                       \
  do {                                                        \
    if (is_int8)                                              \
      _tile_dpbusd(sums, a, b);                               \
    else                                                      \
      _tile_dpbf16ps(sums, a, b);                             \
  } while (0)

/// Multiplies 16 groups of one or two tiles of rows by those of one or two tiles of columns.
AMX_TARGET LAB_INLINE void multiply_tiles(const bool is_int8, const bool has_second_rows,
                                          const bool has_second_columns, const char *const a[2],
                                          ptrdiff_t a_stride, const char *b) {
  _tile_loadd(4, a[0], a_stride);
  _tile_loadd(6, b, PANEL_BYTES);
  DOT(0, 4, 6);
  if (has_second_columns) {
    _tile_loadd(7, b + TILE_BYTES, PANEL_BYTES);
    DOT(1, 4, 7);
  }
  if (has_second_rows) {
    _tile_loadd(5, a[1], a_stride);
    DOT(2, 5, 6);
    if (has_second_columns) DOT(3, 5, 7);
  }
}

/// Computes up to 32 x 32 sums; `a` has the first row of each tile of rows. Each step of 16 groups
/// prefetches `prefetch_step` bytes, a multiple of a cache line.
AMX_TARGET LAB_INLINE void sum_block(const bool is_int8, const bool has_second_rows,
                                     const bool has_second_columns, const low_tile *t,
                                     const char *const a[2], const tile_rest *rest,
                                     const char *prefetch, ptrdiff_t prefetch_step,
                                     tile_sums *sums) {
  _tile_zero(0);
  if (has_second_columns) _tile_zero(1);
  if (has_second_rows) _tile_zero(2);
  if (has_second_rows && has_second_columns) _tile_zero(3);
  const char *b = t->b;
  const ptrdiff_t whole = t->groups / TILE_ROWS;
  for (ptrdiff_t step = 0; step < whole; step++, b += TILE_ROWS * PANEL_BYTES) {
    for (ptrdiff_t line = 0; line < prefetch_step; line += 64)
      __builtin_prefetch(prefetch + step * prefetch_step + line, 0, 2);
    const char *const part[2] = {a[0] + step * TILE_BYTES, a[1] + step * TILE_BYTES};
    multiply_tiles(is_int8, has_second_rows, has_second_columns, part, t->a_stride, b);
  }
  if (rest->groups) {
    const char *const part[2] = {rest->a[0], rest->a[1]};
    multiply_tiles(is_int8, has_second_rows, has_second_columns, part, TILE_BYTES, rest->b);
  }
  char *to = (char *)sums;
  _tile_stored(0, to, PANEL_BYTES);
  if (has_second_columns) _tile_stored(1, to + TILE_BYTES, PANEL_BYTES);
  to += TILE_ROWS * PANEL_BYTES;
  if (has_second_rows) _tile_stored(2, to, PANEL_BYTES);
  if (has_second_rows && has_second_columns) _tile_stored(3, to + TILE_BYTES, PANEL_BYTES);
}

/// Adds bias and, if the tile adds, what `to` contains.
LAB_FAST
static void finish_floats(const low_tile *t, const float *restrict sums, ptrdiff_t rows,
                          ptrdiff_t columns, const float *restrict bias, float *restrict to,
                          ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++, sums += PANEL, to += stride) {
    if (t->adds)
      for (ptrdiff_t i = 0; i < columns; i++) to[i] = sums[i] + (bias[i] + to[i]);
    else
      for (ptrdiff_t i = 0; i < columns; i++) to[i] = sums[i] + bias[i];
  }
}

/// The same for sums of int8, which are multiplied by the scales of their rows and columns.
LAB_FAST
static void finish_integers(const low_tile *t, const int32_t *restrict sums,
                            const float *restrict row_scales, ptrdiff_t rows, ptrdiff_t columns,
                            const float *restrict bias, float *restrict to, ptrdiff_t stride) {
#pragma clang fp contract(fast)
  const float *restrict scales = t->column_scales;
  const int32_t *restrict offsets = t->column_offsets;
  for (ptrdiff_t row = 0; row < rows; row++, sums += PANEL, to += stride) {
    const float scale = row_scales[row];
    if (t->adds)
      for (ptrdiff_t i = 0; i < columns; i++)
        to[i] = (float)(sums[i] - offsets[i]) * (scales[i] * scale) + (bias[i] + to[i]);
    else
      for (ptrdiff_t i = 0; i < columns; i++)
        to[i] = (float)(sums[i] - offsets[i]) * (scales[i] * scale) + bias[i];
  }
}

/// Computes the results of rows first ..< first + rows from their sums.
LAB_INLINE void finish_rows(const bool is_int8, const low_tile *t, const low_panel *panel,
                            const tile_sums *sums, ptrdiff_t sums_row, ptrdiff_t first,
                            ptrdiff_t rows, const float *bias) {
  float gelu[TILE_ROWS * PANEL];
  float *target = t->c ? t->c + first * t->c_stride : NULL;
  float *to = panel->has_gelu ? gelu : target;
  const ptrdiff_t stride = panel->has_gelu ? PANEL : t->c_stride, columns = panel->columns;
  // Sums of an earlier part of k, to which those of the last part are added.
  if (panel->has_gelu && t->adds)
    for (ptrdiff_t row = 0; row < rows; row++)
      memcpy(gelu + row * PANEL, target + row * t->c_stride, (size_t)columns * sizeof *gelu);
  if (is_int8)
    finish_integers(t, sums->integers + sums_row * PANEL, t->row_scales + first, rows, columns,
                    bias, to, stride);
  else
    finish_floats(t, sums->floats + sums_row * PANEL, rows, columns, bias, to, stride);
  if (!panel->has_gelu) return;
  if (panel->round_gelu) {
    panel->round_gelu(gelu, rows, columns, PANEL, panel->rounded + first * panel->rounded_stride,
                      panel->rounded_stride);
    return;
  }
  lab_gelu(gelu, rows, columns, PANEL);
  for (ptrdiff_t row = 0; row < rows; row++)
    memcpy(target + row * t->c_stride, gelu + row * PANEL, (size_t)columns * sizeof *gelu);
}

/// Multiplies all rows by a panel. `height` has the rows of a tile for which this thread is
/// configured.
///
/// All tiles of rows have the same height, because a new configuration clears the sums. The last
/// tiles start earlier if they would end beyond the last row; the rows that two tiles have in
/// common are stored once.
AMX_TARGET LAB_INLINE void multiply_panel(const bool is_int8, const low_tile *t,
                                          const low_panel *panel, ptrdiff_t *height) {
  static const float no_bias[PANEL];
  const float *bias = t->bias ? t->bias : no_bias;
  const ptrdiff_t tiles = (panel->rows + TILE_ROWS - 1) / TILE_ROWS;
  if (tiles == 0) return;
  const ptrdiff_t rows = (panel->rows + tiles - 1) / tiles;
  if (*height != rows) {
    configure(rows);
    *height = rows;
  }
  const ptrdiff_t whole = t->groups / TILE_ROWS, blocks = (tiles + 1) / 2;
  tile_rest rest;
  rest.groups = t->groups % TILE_ROWS;
  if (rest.groups) {
    memset(&rest.a, 0, sizeof rest.a);
    memset(&rest.b, 0, sizeof rest.b);
    memcpy(rest.b, t->b + whole * TILE_ROWS * PANEL_BYTES, (size_t)(rest.groups * PANEL_BYTES));
  }
  const ptrdiff_t lines = panel->next_panel ? TILE_ROWS * PANEL_BYTES / 64 : 0;
  const ptrdiff_t prefetch_step = (lines + blocks - 1) / blocks * 64;
  _Alignas(64) tile_sums sums;
  for (ptrdiff_t tile = 0; tile < tiles; tile += 2) {
    const bool has_second_rows = tile + 1 < tiles, has_second_columns = panel->columns > 16;
    ptrdiff_t first[2];
    const char *a[2];
    for (int i = 0; i < 2; i++) {
      first[i] = minimum((tile + i) * rows, panel->rows - rows);
      a[i] = t->a + first[i] * t->a_stride;
      for (ptrdiff_t row = 0; rest.groups && i <= has_second_rows && row < rows; row++)
        memcpy(rest.a[i] + row * TILE_BYTES, a[i] + row * t->a_stride + whole * TILE_BYTES,
               (size_t)rest.groups * 4);
    }
    const char *prefetch = panel->next_panel ? panel->next_panel + tile / 2 * whole * prefetch_step
                                             : t->b;
    if (has_second_rows && has_second_columns)
      sum_block(is_int8, true, true, t, a, &rest, prefetch, prefetch_step, &sums);
    else if (has_second_rows)
      sum_block(is_int8, true, false, t, a, &rest, prefetch, prefetch_step, &sums);
    else if (has_second_columns)
      sum_block(is_int8, false, true, t, a, &rest, prefetch, prefetch_step, &sums);
    else
      sum_block(is_int8, false, false, t, a, &rest, prefetch, prefetch_step, &sums);
    for (int i = 0; i <= has_second_rows; i++) {
      const ptrdiff_t start = (tile + i) * rows, stored_before = start - first[i];
      finish_rows(is_int8, t, panel, &sums, i * TILE_ROWS + stored_before, start,
                  rows - stored_before, bias);
    }
  }
}

AMX_TARGET static void multiply_panel_bf16(const low_tile *tile, const low_panel *panel,
                                           ptrdiff_t *height) {
  multiply_panel(false, tile, panel, height);
}

AMX_TARGET static void multiply_panel_int8(const low_tile *tile, const low_panel *panel,
                                           ptrdiff_t *height) {
  multiply_panel(true, tile, panel, height);
}

const low_kernels lab_low_kernels_amx_bf16 = {.panel = PANEL,
                                              .lanes = PANEL / 2,
                                              .tile_rows = 2 * TILE_ROWS,
                                              .group_bytes = 4,
                                              .multiply_panel = multiply_panel_bf16,
                                              .end = release};
const low_kernels lab_low_kernels_amx_int8 = {.panel = PANEL,
                                              .lanes = PANEL / 2,
                                              .tile_rows = 2 * TILE_ROWS,
                                              .group_bytes = 4,
                                              .multiply_panel = multiply_panel_int8,
                                              .end = release};
#endif
