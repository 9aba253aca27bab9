// GEMM in bfloat16 and int8 with one matrix packed beforehand, with sums in float32 and int32.
//
// The layout is that of gemm.c, but with groups of 4 or 8 bytes of consecutive values of k: a panel
// is `groups` rows, each with one group for each of its columns. With groups of 4 bytes, one
// instruction multiplies a group of a row by those of several columns: vdpbf16ps and vpdpbusd of
// AVX-512, bfdot and sdot of arm64; or a tile of 16 x 16 groups by another: AMX. With 8 bytes, it
// multiplies two rows by two columns: bfmmla and smmla. Other CPUs compute the same in float32 or
// int16.
#include "gemm_low_tiles.h"

#include <stdio.h>

int lab_allowed_low_sets(void) {
  static const struct {
    const char *name;
    int allowed;
  } names[] = {{"sse2", LOW_BASELINE}, {"neon", LOW_BASELINE}, {"avx2", LOW_AVX2},
               {"avx512", LOW_AVX512}, {"dot", LOW_DOT}};
  const char *selected = getenv("LAB_KERNELS");
  for (size_t i = 0; selected && i < sizeof names / sizeof *names; i++)
    if (strcmp(selected, names[i].name) == 0) return names[i].allowed;
  return LOW_MATRIX;
}

low_choice lab_choose_low_set(const low_set *sets, int count, bool (*is_right)(const low_set *)) {
  char wrong[MAX_SET_NAME] = "";
  const low_set *chosen = sets;
  for (; chosen < sets + count - 1; chosen++) {
    if (!chosen->is_available) continue;
    if (is_right(chosen)) break;
    const size_t used = strlen(wrong);
    snprintf(wrong + used, sizeof wrong - used, ", %s failed its check", chosen->instructions);
  }
  low_choice choice = {.set = *chosen};
  snprintf(choice.name, sizeof choice.name, "%s%s%s%s", chosen->instructions,
           *chosen->instructions ? " " : "", chosen->details, wrong);
  return choice;
}

static void copy_rows(const float *from, ptrdiff_t from_stride, ptrdiff_t rows, ptrdiff_t columns,
                      float *to, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++)
    memcpy(to + row * stride, from + row * from_stride, (size_t)columns * sizeof *to);
}

void lab_multiply_low_panel(const low_kernels *k, low_tile tile, const low_panel *panel,
                            ptrdiff_t *state) {
  if (k->multiply_panel) return k->multiply_panel(&tile, panel, state);
  const ptrdiff_t columns = panel->columns;
  const bool narrow = columns <= k->lanes;
  const ptrdiff_t computed = narrow ? k->lanes : k->panel;
  const ptrdiff_t blocks = (panel->rows + k->tile_rows - 1) / k->tile_rows;
  const char *a = tile.a;
  float *c = tile.c;
  const ptrdiff_t stride = tile.c_stride;
  const float *row_scales = tile.row_scales;
  // A partial panel is computed as whole vectors in a temporary tile; so is one with GELU.
  _Alignas(64) float whole[MAX_TILE], bias[MAX_PANEL] = {0};
  const bool is_detour = columns != computed || panel->has_gelu;
  if (!tile.bias || columns != computed) {
    if (tile.bias) memcpy(bias, tile.bias, (size_t)columns * sizeof *bias);
    tile.bias = bias;
  }
  tile.prefetch_step = panel->next_panel ? k->panel * k->group_bytes / blocks : 0;
  // A single tile must prefetch the whole panel, which may take two cache lines of 64 bytes per
  // step.
  tile.prefetch_second = tile.prefetch_step > 64 ? 64 : 0;
  for (ptrdiff_t block = 0; block < blocks; block++) {
    const ptrdiff_t first = panel->rows * block / blocks, last = panel->rows * (block + 1) / blocks;
    const ptrdiff_t rows = last - first;
    float *target = c ? c + first * stride : NULL;
    tile.a = a + first * tile.a_stride;
    tile.row_scales = row_scales ? row_scales + first : NULL;
    tile.prefetch = panel->next_panel
                        ? panel->next_panel + block * tile.groups * tile.prefetch_step
                        : tile.b;
    tile.c = is_detour ? whole : target;
    tile.c_stride = is_detour ? computed : stride;
    if (is_detour && tile.adds) {
      if (columns != computed) memset(whole, 0, sizeof whole);
      copy_rows(target, stride, rows, columns, whole, computed);
    }
    k->tiles[rows * 2 + narrow](&tile);
    if (!is_detour) continue;
    if (panel->round_gelu) {
      panel->round_gelu(whole, rows, columns, computed,
                        panel->rounded + first * panel->rounded_stride,
                        panel->rounded_stride);
    } else {
      if (panel->has_gelu) lab_gelu(whole, rows, columns, computed);
      copy_rows(whole, computed, rows, columns, target, stride);
    }
  }
}
