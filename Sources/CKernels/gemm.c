// GEMM with one matrix packed beforehand.
//
// A BLAS packs both matrices at every call, which for the few hundred rows of one image takes 5 to
// 35 % of the time (Benchmarks/results/kernels.md). A layer's weight never changes, so it is packed
// once, when the layer is created. A GEMM then consists only of tiles of sums in registers: each
// reads rows in place and a panel of the packed matrix, which stays in the L2 cache for all rows.
#include "gemm_tiles.h"

#include <stdlib.h>

#include "vector_math.h"

#if defined(__x86_64__)
#include <immintrin.h>
// 32 registers of 16 floats: 14 x 2 sums.
#define ISA avx512
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define LANES 16
#define PANEL_VECTORS 2
#define TILE_ROWS 14
#include "gemm_kernels.h"
// 16 registers of 8 floats: 6 x 2 sums.
#define ISA avx2
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define LANES 8
#define PANEL_VECTORS 2
#define TILE_ROWS 6
#include "gemm_kernels.h"
#define ISA plain
#define TARGET
#define LANES 4
#define PANEL_VECTORS 2
#define TILE_ROWS 6
#include "gemm_kernels.h"
#else
// 32 registers of 4 floats: 8 x 3 sums.
#define ISA plain
#define TARGET
#define LANES 4
#define PANEL_VECTORS 3
#define TILE_ROWS 8
#include "gemm_kernels.h"
#endif

const gemm_kernels *lab_kernels(void) {
#if defined(__x86_64__)
  static const gemm_kernels *chosen;
  const gemm_kernels *known = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
  if (known) return known;
  __builtin_cpu_init();
  const char *allowed = getenv("LAB_KERNELS");
  const bool plain = allowed && strcmp(allowed, "sse2") == 0;
  const bool narrow = allowed && strcmp(allowed, "avx2") == 0;
  known = __builtin_cpu_supports("x86-64-v4") && !narrow && !plain ? &kernels_avx512
          : __builtin_cpu_supports("x86-64-v3") && !plain          ? &kernels_avx2
                                                                   : &kernels_plain;
  __atomic_store_n(&chosen, known, __ATOMIC_RELEASE);
  return known;
#else
  return &kernels_plain;
#endif
}

const char *lab_gemm_kernels(void) {
#if defined(__x86_64__)
  return lab_kernels() == &kernels_avx512 ? "AVX-512 14x32"
         : lab_kernels() == &kernels_avx2 ? "AVX2 6x16"
                                      : "SSE2 6x8";
#elif defined(__aarch64__)
  return "NEON 8x12";
#else
  return "generic 8x12";
#endif
}

ptrdiff_t lab_panel_width(void) { return lab_kernels()->panel; }

ptrdiff_t lab_panels(ptrdiff_t columns) {
  return (columns + lab_kernels()->panel - 1) / lab_kernels()->panel;
}

ptrdiff_t lab_packed_count(ptrdiff_t columns, ptrdiff_t k) {
  return lab_panels(columns) * lab_kernels()->panel * k;
}

ptrdiff_t lab_gemm_scratch_count(ptrdiff_t rows) { return rows * (MAX_K + COPY_PADDING); }

void lab_pack_transposed(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                         ptrdiff_t first_panel, ptrdiff_t last_panel, float *packed) {
  const ptrdiff_t width = lab_kernels()->panel;
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    const float *source = b + panel * width * stride;
    float *to = packed + panel * width * k;
    const ptrdiff_t own = columns - panel * width < width ? columns - panel * width : width;
    if (own < width) memset(to, 0, (size_t)(width * k) * sizeof *to);
    lab_transpose(source, own, k, stride, to, width);
  }
}

void lab_pack_plain(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                    float *packed) {
  const ptrdiff_t width = lab_kernels()->panel;
  for (ptrdiff_t column = 0; column < columns; column += width) {
    const ptrdiff_t own = columns - column < width ? columns - column : width;
    for (ptrdiff_t at = 0; at < k; at++, packed += width) {
      memcpy(packed, b + at * stride + column, (size_t)own * sizeof *b);
      if (own < width) memset(packed + own, 0, (size_t)(width - own) * sizeof *b);
    }
  }
}

void lab_multiply_panel(const gemm_kernels *kernels, gemm_tile tile, row_runs runs,
                        ptrdiff_t columns, const float *next_panel, const lab_prefetch *prefetch,
                        ptrdiff_t tiles_before, const tile_epilogue *epilogue) {
  const bool narrow = columns <= kernels->lanes;
  const ptrdiff_t computed = narrow ? kernels->lanes : kernels->panel;
  const ptrdiff_t blocks = (runs.width + kernels->tile_rows - 1) / kernels->tile_rows;
  const ptrdiff_t tiles = blocks * runs.runs;
  const float *a = tile.a;
  float *c = tile.c;
  const ptrdiff_t stride = tile.c_stride;
  // A partial panel without masks is computed as whole vectors in a temporary tile; so are tiles
  // whose epilogue does not fit in registers.
  _Alignas(64) float whole[14 * 32];
  const tile_epilogue no_epilogue = {.activation = LAB_ACTIVATION_NONE};
  const bool is_cut = columns != computed && !kernels->has_masks;
  const bool is_detour = is_cut || (epilogue && !applies_in_registers(epilogue));
  tile_epilogue row_epilogue = epilogue ? *epilogue : no_epilogue;
  tile.epilogue = epilogue && !is_detour ? &row_epilogue : NULL;
  tile.last_columns = columns - (computed - kernels->lanes);
  tile.prefetch_step = next_panel ? kernels->panel * (ptrdiff_t)sizeof *next_panel / tiles : 0;
  // A single tile must prefetch the whole panel, which on AVX-512 takes two cache lines per step of
  // k.
  tile.prefetch_second = tile.prefetch_step > CACHE_LINE ? CACHE_LINE : 0;
  for (ptrdiff_t block = 0; block < tiles; block++) {
    // Tiles of nearly equal height: a last one of one row would use a fourteenth of the registers.
    const ptrdiff_t run = block / blocks, own = block % blocks;
    const ptrdiff_t first = runs.width * own / blocks, last = runs.width * (own + 1) / blocks;
    const ptrdiff_t rows = last - first, row = run * runs.width + first;
    gemm_tile_function *const compute = kernels->tiles[rows * 2 + narrow];
    tile.a = a + run * runs.a_run + first * tile.a_stride;
    float *target = c + row * stride;
    tile.prefetch =
        next_panel
            ? (const char *)next_panel + block * tile.lines * tile.k * tile.prefetch_step
            : (const char *)tile.b;
    if (prefetch->rows) {
      enum { LINE = 16 };
      const ptrdiff_t lines = (prefetch->width + LINE - 1) / LINE, line = tiles_before + block;
      const bool has_line = line < lines * prefetch->pieces;
      tile.prefetch_second = 0;
      tile.prefetch_step = has_line ? prefetch->row_stride * (ptrdiff_t)sizeof *prefetch->rows : 0;
      if (has_line)
        tile.prefetch = (const char *)(prefetch->rows + line / lines * prefetch->piece_stride +
                                       line % lines * LINE);
    }
    tile.c = is_detour ? whole : target;
    tile.c_stride = is_detour ? computed : stride;
    if (is_detour && tile.adds) {
      if (is_cut) memset(whole, 0, sizeof whole);
      kernels->apply_epilogue(&no_epilogue, target, stride, rows, columns, whole, computed);
    }
    if (row_epilogue.residual)
      row_epilogue.residual = epilogue->residual + row * epilogue->residual_stride;
    compute(&tile);
    if (!is_detour) continue;
    kernels->apply_epilogue(&row_epilogue, whole, computed, rows, columns, target, stride);
  }
}

void lab_gemm(const float *a, ptrdiff_t rows, ptrdiff_t a_stride, const float *packed,
              ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel, ptrdiff_t last_panel,
              lab_prefetch prefetch, const float *bias, int epilogue, float *c,
              ptrdiff_t c_stride, float *scratch) {
  const gemm_kernels *kernels = lab_kernels();
  const tile_epilogue gelu = {.activation = LAB_ACTIVATION_GELU};
  const ptrdiff_t parts = (k + MAX_K - 1) / MAX_K;
  const bool copies = rows > 4 && a_stride * (ptrdiff_t)sizeof *a % ALIASING_BYTES == 0;
  for (ptrdiff_t part = 0; part < parts; part++) {
    const ptrdiff_t from = k * part / parts, to = k * (part + 1) / parts;
    gemm_tile tile = {
        .a = a + from, .a_stride = a_stride, .lines = 1, .k = to - from, .c_stride = c_stride};
    if (copies) {
      tile.a = scratch;
      tile.a_stride = MAX_K + COPY_PADDING;
      for (ptrdiff_t row = 0; row < rows; row++)
        memcpy(scratch + row * tile.a_stride, a + row * a_stride + from,
               (size_t)(to - from) * sizeof *a);
    }
    tile.adds = part > 0 || epilogue == LAB_EPILOGUE_ADD;
    for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
      const ptrdiff_t column = panel * kernels->panel;
      tile.b = packed + column * k + from * kernels->panel;
      tile.bias = part == 0 && bias ? bias + column : NULL;
      tile.c = c + column;
      const ptrdiff_t own = columns - column < kernels->panel ? columns - column : kernels->panel;
      // Prefetch the next panel of this part of k, else the first panel of the next part, else the
      // panel that the caller names.
      const ptrdiff_t following = panel + 1 < last_panel ? panel + 1
                                  : part + 1 < parts     ? first_panel
                                                         : prefetch.next_panel - 1;
      const ptrdiff_t following_k = panel + 1 < last_panel ? from : part + 1 < parts ? to : 0;
      const bool has_next =
          following >= 0 && following * kernels->panel < columns && !prefetch.rows;
      const float *next_panel =
          has_next ? packed + following * kernels->panel * k + following_k * kernels->panel : NULL;
      const ptrdiff_t tiles_before =
          (panel - first_panel) * ((rows + kernels->tile_rows - 1) / kernels->tile_rows);
      const bool has_gelu = part == parts - 1 && epilogue == LAB_EPILOGUE_GELU;
      lab_multiply_panel(kernels, tile, (row_runs){.width = rows, .runs = 1}, own, next_panel,
                         &prefetch, tiles_before, has_gelu ? &gelu : NULL);
    }
  }
}

void lab_activate(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride, int activation) {
  const tile_epilogue epilogue = {.activation = activation};
  lab_kernels()->apply_epilogue(&epilogue, x, stride, rows, width, x, stride);
}

void lab_gelu(float *x, ptrdiff_t rows, ptrdiff_t width, ptrdiff_t stride) {
  lab_activate(x, rows, width, stride, LAB_ACTIVATION_GELU);
}
