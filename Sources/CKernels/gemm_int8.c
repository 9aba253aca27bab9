// GEMM in int8 (gemm_low.c): quantizing, packing, multiplying.
#include "gemm_int8_sets.h"

/// Groups of a row or column of `k` values.
static ptrdiff_t groups_of(const low_kernels *kernels, ptrdiff_t k) {
  return (k + kernels->group_bytes - 1) / kernels->group_bytes;
}

static ptrdiff_t row_bytes(const low_kernels *kernels, ptrdiff_t k) {
  return groups_of(kernels, k) * kernels->group_bytes;
}

// MARK: Quantizing and packing

/// The largest magnitude of a row; NaN if it contains one, which a comparison of floats would
/// ignore.
LAB_INLINE float max_magnitude(const float *x, ptrdiff_t count) {
  uint32_t maximum = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    maximum = bits > maximum ? bits : maximum;
  }
  return float_of_bits(maximum);
}

/// Rounds x / scale to integers within ±127 and adds `offset`; `inverse` is 1 / scale.
///
/// Without fused multiply-adds, which not every CPU has: they would round other values up.
LAB_INLINE void quantize(const float *restrict x, ptrdiff_t count, float inverse, int32_t offset,
                         int8_t *restrict out) {
#pragma clang fp contract(off)
  for (ptrdiff_t i = 0; i < count; i++) {
    // Adding 1.5 * 2^23 rounds to the nearest integer, ties to even.
    const float shifted = x[i] * inverse + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    out[i] = (int8_t)(bits - 0x4B400000 + offset);
  }
}

#if defined(__x86_64__)
enum { ROW_OFFSET = 128 };
#else
enum { ROW_OFFSET = 0 };
#endif

/// Quantizes rows of `row_bytes`, the last of which are zeros.
LAB_FAST
static void quantize_rows(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                          ptrdiff_t row_bytes, void *out, ptrdiff_t out_stride, float *scales) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *from = x + row * stride;
    const float maximum = max_magnitude(from, k);
    int8_t *to = (int8_t *)out + row * out_stride;
    // NaN or infinity makes the scale of the row, and so all its outputs, not finite.
    scales[row] = maximum / 127.0f;
    const bool is_usable = maximum > 0 && maximum < __builtin_inff();
    quantize(from, k, is_usable ? 127.0f / maximum : 0.0f, ROW_OFFSET, to);
    if (!is_usable) memset(to, ROW_OFFSET, (size_t)k);
    for (ptrdiff_t i = k; i < row_bytes; i++) to[i] = (int8_t)ROW_OFFSET;
  }
}

/// The size of the panels in bytes; after them come one scale and one offset for each column.
static ptrdiff_t column_factors_at(const low_kernels *kernels, ptrdiff_t columns, ptrdiff_t k) {
  return low_panels(kernels, columns) * kernels->panel * row_bytes(kernels, k);
}

static ptrdiff_t packed_bytes(const low_kernels *kernels, ptrdiff_t columns, ptrdiff_t k) {
  return column_factors_at(kernels, columns, k) + low_panels(kernels, columns) * kernels->panel *
                                                      (ptrdiff_t)(sizeof(float) + sizeof(int32_t));
}

static void pack(const low_kernels *kernels, const float *b, ptrdiff_t columns, ptrdiff_t k,
                 ptrdiff_t stride, ptrdiff_t first_panel, ptrdiff_t last_panel, void *packed) {
  const ptrdiff_t width = kernels->panel, group = kernels->group_bytes;
  const ptrdiff_t all = low_panels(kernels, columns) * width, bytes = row_bytes(kernels, k);
  float *scales = (float *)((char *)packed + column_factors_at(kernels, columns, k));
  int32_t *offsets = (int32_t *)(scales + all);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    int8_t *to = (int8_t *)packed + panel * width * bytes;
    for (ptrdiff_t i = 0; i < width; i++) {
      const ptrdiff_t column = panel * width + i;
      const float *from = b + column * stride;
      const float maximum = column < columns ? max_magnitude(from, k) : 0.0f;
      const bool is_usable = maximum > 0 && maximum < __builtin_inff();
      const float inverse = is_usable ? 127.0f / maximum : 0.0f;
      scales[column] = maximum / 127.0f;
      int32_t sum = 0;
      for (ptrdiff_t at = 0; at < bytes; at++) {
        int8_t value = 0;
        if (is_usable && at < k) quantize(from + at, 1, inverse, 0, &value);
        to[(at / group * width + i) * group + at % group] = value;
        sum += value;
      }
      offsets[column] = sum * ROW_OFFSET;
    }
  }
}

// MARK: GEMM

static void multiply(const low_kernels *kernels, const void *a, const float *row_scales,
                     ptrdiff_t rows, ptrdiff_t a_stride, const void *packed, ptrdiff_t columns,
                     ptrdiff_t k, ptrdiff_t first_panel, ptrdiff_t last_panel,
                     ptrdiff_t next_panel, const float *bias, int epilogue, float *c,
                     ptrdiff_t c_stride) {
  const ptrdiff_t width = kernels->panel, bytes = width * row_bytes(kernels, k);
  const float *scales =
      (const float *)((const char *)packed + column_factors_at(kernels, columns, k));
  const int32_t *offsets = (const int32_t *)(scales + low_panels(kernels, columns) * width);
  ptrdiff_t state = 0;
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    const ptrdiff_t column = panel * width;
    const low_tile tile = {.a = a,
                           .a_stride = a_stride,
                           .b = (const char *)packed + panel * bytes,
                           .groups = groups_of(kernels, k),
                           .bias = bias ? bias + column : NULL,
                           .adds = epilogue == LAB_EPILOGUE_ADD,
                           .c = c + column,
                           .c_stride = c_stride,
                           .row_scales = row_scales,
                           .column_scales = scales + column,
                           .column_offsets = offsets + column};
    const ptrdiff_t next = panel + 1 < last_panel ? panel + 1 : next_panel - 1;
    const bool has_next = next >= 0 && next * width < columns;
    const low_panel whole = {.rows = rows,
                             .columns = minimum(columns - column, width),
                             .has_gelu = epilogue == LAB_EPILOGUE_GELU,
                             .next_panel = has_next ? (const char *)packed + next * bytes : NULL};
    lab_multiply_low_panel(kernels, tile, &whole, &state);
  }
  end_low_gemm(kernels, state);
}

// MARK: Selecting the kernels

/// Whether kernels multiply correctly on this CPU: one product whose rows, columns and k are no
/// multiples of anything, of integers with a maximum of 127, so that all scales are 1.
static bool is_right(const low_set *set) {
  enum { ROWS = 19, COLUMNS = 37, K = 71, PADDED_K = 72, PADDED_COLUMNS = 64 };
  const low_kernels *kernels = set->kernels;
  float a[ROWS * K], b[COLUMNS * K], bias[PADDED_COLUMNS], c[ROWS * COLUMNS], scales[ROWS];
  int8_t rows[ROWS * PADDED_K];
  int32_t packed[PADDED_COLUMNS * (PADDED_K / 4 + 2)];
  for (int i = 0; i < ROWS * K; i++) a[i] = i % K == 3 ? 127 : (float)(i * 37 % 251 - 125);
  for (int i = 0; i < COLUMNS * K; i++) b[i] = i % K == 70 ? -127 : (float)(i * 53 % 241 - 120);
  for (int i = 0; i < PADDED_COLUMNS; i++) bias[i] = (float)i;
  for (int i = 0; i < ROWS * COLUMNS; i++) c[i] = (float)(i % 100);
  const ptrdiff_t panels = low_panels(kernels, COLUMNS), stride = row_bytes(kernels, K);
  if (packed_bytes(kernels, COLUMNS, K) > (ptrdiff_t)sizeof packed) return false;
  pack(kernels, b, COLUMNS, K, K, 0, panels, packed);
  quantize_rows(a, ROWS, K, K, stride, rows, stride, scales);
  multiply(kernels, rows, scales, ROWS, stride, packed, COLUMNS, K, 0, panels, 0, bias,
           LAB_EPILOGUE_ADD, c, COLUMNS);
  for (int row = 0; row < ROWS; row++)
    for (int column = 0; column < COLUMNS; column++) {
      float sum = (float)((row * COLUMNS + column) % 100) + bias[column];
      for (int i = 0; i < K; i++) sum += a[row * K + i] * b[column * K + i];
      if (c[row * COLUMNS + column] != sum) return false;
    }
  return true;
}

static low_choice chosen_int8(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
  const int allowed = lab_allowed_low_sets();
  const low_set sets[] = {
#if defined(__x86_64__)
      {.kernels = &lab_low_kernels_amx_int8,
       .instructions = "AMX-INT8",
       .details = "32x32",
       .is_available = allowed >= LOW_MATRIX && lab_has_amx(),
       .is_native = true},
      {.kernels = &low_kernels_vnni,
       .instructions = "AVX512-VNNI",
       .details = "14x32",
       .is_available = allowed >= LOW_DOT && __builtin_cpu_supports("x86-64-v4") &&
                       __builtin_cpu_supports("avx512vnni"),
       .is_native = true},
      {.kernels = &low_kernels_madd,
       .instructions = "AVX2",
       .details = "4x16",
       .is_available = allowed >= LOW_AVX2 && __builtin_cpu_supports("x86-64-v3")},
#elif defined(__aarch64__)
      {.kernels = &low_kernels_smmla,
       .instructions = "NEON smmla",
       .details = "8x12",
       .is_available = allowed >= LOW_MATRIX && lab_has_arm_i8mm(),
       .is_native = true},
      {.kernels = &low_kernels_sdot,
       .instructions = "NEON sdot",
       .details = "8x12",
       .is_available = allowed >= LOW_DOT && lab_has_arm_dot_product(),
       .is_native = true},
#endif
      {.kernels = &low_kernels_bytes, .instructions = "", .details = "4x4"},
  };
  return lab_choose_low_set(sets, sizeof sets / sizeof *sets, is_right);
}

CHOSEN_ONCE(int8)

// MARK: The chosen kernels

const char *lab_int8_kernels(void) { return int8()->name; }
bool lab_has_int8(void) { return int8()->set.is_native; }
ptrdiff_t lab_int8_panel_width(void) { return int8()->set.kernels->panel; }
ptrdiff_t lab_int8_panels(ptrdiff_t columns) { return low_panels(int8()->set.kernels, columns); }
ptrdiff_t lab_int8_row_bytes(ptrdiff_t k) { return row_bytes(int8()->set.kernels, k); }
ptrdiff_t lab_int8_packed_bytes(ptrdiff_t columns, ptrdiff_t k) {
  return packed_bytes(int8()->set.kernels, columns, k);
}

void lab_quantize_rows_int8(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                            void *out, ptrdiff_t out_stride, float *scales) {
  quantize_rows(x, rows, k, stride, lab_int8_row_bytes(k), out, out_stride, scales);
}

void lab_pack_int8(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                   ptrdiff_t first_panel, ptrdiff_t last_panel, void *packed) {
  pack(int8()->set.kernels, b, columns, k, stride, first_panel, last_panel, packed);
}

void lab_gemm_int8(const void *a, const float *row_scales, ptrdiff_t rows, ptrdiff_t a_stride,
                   const void *packed, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                   ptrdiff_t last_panel, ptrdiff_t next_panel, const float *bias, int epilogue,
                   float *c, ptrdiff_t c_stride) {
  multiply(int8()->set.kernels, a, row_scales, rows, a_stride, packed, columns, k, first_panel,
           last_panel, next_panel, bias, epilogue, c, c_stride);
}
