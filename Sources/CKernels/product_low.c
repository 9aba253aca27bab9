// Matrix products over bfloat16 and int8 with one factor packed beforehand, summed in float32 and
// int32.
//
// The layout is that of product.c with groups of k side by side: a panel is `groups` lines, each
// with the two (bfloat16) or four (int8) numbers of one group for each of its columns, 32 bits a
// column. One instruction then multiplies a whole group: vdpbf16ps and vpdpbusd of AVX-512, bfdot
// and sdot of arm64. Other processors compute the same from float32 or int16 multiplies.
#include "CKernels.h"

#include <stdlib.h>

#include "gelu_table.h"
#include "vector_math.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#ifdef __linux__
#include <sys/auxv.h>
#endif
#endif

enum {
  LARGEST_TILE = 14 * 32,
  WIDEST_PANEL = 32,
  /// Maximum k of bfloat16 in one go: the rows of a tile (28 kB) stay in the L1 cache.
  MAXIMUM_BFLOAT16_K = 1024,
};

typedef struct {
  /// Rows of groups, `a_stride` bytes apart.
  const char *a;
  ptrdiff_t a_stride;
  /// A panel, and how many of its lines are taken.
  const char *b;
  ptrdiff_t groups;
  /// Bytes that will be read after this panel, of which each line fetches `ahead_step`.
  const char *ahead;
  ptrdiff_t ahead_step;
  /// From one to the second cache line of each step, where it has two; else 0.
  ptrdiff_t ahead_second;
  /// Of the panel's columns.
  const float *bias;
  /// Whether the product is added to what `c` holds.
  bool adds;
  float *c;
  ptrdiff_t c_stride;
  /// Of int8: the scale of each row and column, and what each column's sums hold too much.
  const float *row_scales, *column_scales;
  const int32_t *column_offsets;
} short_tile;

typedef void short_tile_function(const short_tile *tile);

typedef struct {
  ptrdiff_t panel, lanes, tile_rows;
  /// [tile_rows + 1][2], see `short_tiles` of an instruction set.
  short_tile_function *const *tiles;
} short_kernels;

LAB_INLINE uint32_t word_at(const char *at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

LAB_INLINE float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// MARK: Instruction sets, bfloat16

/// Two numbers of each column as float32, and of one row: what processors without a bfloat16
/// instruction multiply.
typedef struct {
  float low, high;
} float_pair;

#define FLOAT_PAIRS(isa, target, width)                                                          \
  typedef uint32_t words_##isa __attribute__((ext_vector_type(width), aligned(4)));              \
  typedef float floats_##isa __attribute__((ext_vector_type(width), aligned(4)));                \
  typedef struct {                                                                               \
    floats_##isa low, high;                                                                      \
  } line_##isa;                                                                                  \
  target LAB_INLINE line_##isa load_line_##isa(const char *at) {                                 \
    const words_##isa words = *(const words_##isa *)at;                                          \
    const words_##isa low = words << 16, high = words & 0xFFFF0000u;                             \
    line_##isa line;                                                                             \
    memcpy(&line.low, &low, sizeof low);                                                         \
    memcpy(&line.high, &high, sizeof high);                                                      \
    return line;                                                                                 \
  }                                                                                              \
  target LAB_INLINE float_pair load_factor_##isa(const char *at) {                               \
    const uint32_t word = word_at(at);                                                           \
    return (float_pair){float_of_bits(word << 16), float_of_bits(word & 0xFFFF0000u)};           \
  }                                                                                              \
  target LAB_INLINE void dot_##isa(floats_##isa *sum, float_pair factor, line_##isa line) {      \
    _Pragma("clang fp contract(fast)") const floats_##isa first = factor.low * line.low + *sum;  \
    *sum = factor.high * line.high + first;                                                      \
  }

#if defined(__x86_64__)
#define BF16_TARGET \
  __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))
BF16_TARGET LAB_INLINE __m512bh load_line_bf16(const char *at) {
  return (__m512bh)_mm512_loadu_si512(at);
}
BF16_TARGET LAB_INLINE __m512bh load_factor_bf16(const char *at) {
  return (__m512bh)_mm512_set1_epi32((int)word_at(at));
}
typedef float floats_bf16 __attribute__((ext_vector_type(16), aligned(4)));
BF16_TARGET LAB_INLINE void dot_bf16(floats_bf16 *sum, __m512bh factor, __m512bh line) {
  *sum = (floats_bf16)_mm512_dpbf16_ps((__m512)*sum, factor, line);
}
#define ISA bf16
#define TARGET BF16_TARGET
#define LANES 16
#define PANEL_VECTORS 2
#define TILE_ROWS 14
#define SUM float
#define SCALES_SUMS 0
#define LINE __m512bh
#define FACTOR __m512bh
#include "product_low_kernels.h"

#define V4_TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
FLOAT_PAIRS(pairs_avx512, V4_TARGET, 16)
#define ISA pairs_avx512
#define TARGET V4_TARGET
#define LANES 16
#define PANEL_VECTORS 2
#define TILE_ROWS 8
#define SUM float
#define SCALES_SUMS 0
#define LINE line_pairs_avx512
#define FACTOR float_pair
#include "product_low_kernels.h"

#define V3_TARGET __attribute__((target("arch=x86-64-v3")))
FLOAT_PAIRS(pairs_avx2, V3_TARGET, 8)
#define ISA pairs_avx2
#define TARGET V3_TARGET
#define LANES 8
#define PANEL_VECTORS 2
#define TILE_ROWS 4
#define SUM float
#define SCALES_SUMS 0
#define LINE line_pairs_avx2
#define FACTOR float_pair
#include "product_low_kernels.h"
#endif

#if defined(__aarch64__)
#define BFDOT_TARGET __attribute__((target("arch=armv8.2-a+bf16")))
BFDOT_TARGET LAB_INLINE bfloat16x8_t load_line_bfdot(const char *at) {
  return vreinterpretq_bf16_u8(vld1q_u8((const uint8_t *)at));
}
BFDOT_TARGET LAB_INLINE bfloat16x8_t load_factor_bfdot(const char *at) {
  return vreinterpretq_bf16_u32(vdupq_n_u32(word_at(at)));
}
typedef float floats_bfdot __attribute__((ext_vector_type(4), aligned(4)));
BFDOT_TARGET LAB_INLINE void dot_bfdot(floats_bfdot *sum, bfloat16x8_t factor, bfloat16x8_t line) {
  float32x4_t own;
  memcpy(&own, sum, sizeof own);
  own = vbfdotq_f32(own, factor, line);
  memcpy(sum, &own, sizeof own);
}
#define ISA bfdot
#define TARGET BFDOT_TARGET
#define LANES 4
#define PANEL_VECTORS 3
#define TILE_ROWS 8
#define SUM float
#define SCALES_SUMS 0
#define LINE bfloat16x8_t
#define FACTOR bfloat16x8_t
#include "product_low_kernels.h"
#endif

FLOAT_PAIRS(pairs_plain, , 4)
#define ISA pairs_plain
#define TARGET
#define LANES 4
#define PANEL_VECTORS 2
#define TILE_ROWS 4
#define SUM float
#define SCALES_SUMS 0
#define LINE line_pairs_plain
#define FACTOR float_pair
#include "product_low_kernels.h"

// MARK: Instruction sets, int8

#if defined(__x86_64__)
#define VNNI_TARGET \
  __attribute__((target("arch=x86-64-v4,avx512vnni"), min_vector_width(512)))
VNNI_TARGET LAB_INLINE __m512i load_line_vnni(const char *at) { return _mm512_loadu_si512(at); }
VNNI_TARGET LAB_INLINE __m512i load_factor_vnni(const char *at) {
  return _mm512_set1_epi32((int)word_at(at));
}
typedef int32_t integers_vnni __attribute__((ext_vector_type(16), aligned(4)));
// The first factor is unsigned: rows are stored with 128 added, which `column_offset` takes away
// again.
VNNI_TARGET LAB_INLINE void dot_vnni(integers_vnni *sum, __m512i factor, __m512i line) {
  *sum = (integers_vnni)_mm512_dpbusd_epi32((__m512i)*sum, factor, line);
}
#define ISA vnni
#define TARGET VNNI_TARGET
#define LANES 16
#define PANEL_VECTORS 2
#define TILE_ROWS 14
#define SUM int32_t
#define SCALES_SUMS 1
#define LINE __m512i
#define FACTOR __m512i
#include "product_low_kernels.h"

/// Bytes 0 and 2 of each 32 bits as int16, and bytes 1 and 3: exact where vpmaddubsw would
/// saturate.
typedef struct {
  __m256i even, odd;
} short_line;
V3_TARGET LAB_INLINE short_line load_line_madd(const char *at) {
  const __m256i bytes = _mm256_loadu_si256((const __m256i *)at);
  return (short_line){_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8),
                      _mm256_srai_epi16(bytes, 8)};
}
V3_TARGET LAB_INLINE short_line load_factor_madd(const char *at) {
  const __m256i bytes = _mm256_set1_epi32((int)word_at(at));
  // Unsigned, as the rows are stored on x86.
  return (short_line){_mm256_and_si256(bytes, _mm256_set1_epi16(0xFF)),
                      _mm256_srli_epi16(bytes, 8)};
}
typedef int32_t integers_madd __attribute__((ext_vector_type(8), aligned(4)));
V3_TARGET LAB_INLINE void dot_madd(integers_madd *sum, short_line factor, short_line line) {
  *sum += (integers_madd)_mm256_madd_epi16(factor.even, line.even) +
          (integers_madd)_mm256_madd_epi16(factor.odd, line.odd);
}
#define ISA madd
#define TARGET V3_TARGET
#define LANES 8
#define PANEL_VECTORS 2
#define TILE_ROWS 4
#define SUM int32_t
#define SCALES_SUMS 1
#define LINE short_line
#define FACTOR short_line
#include "product_low_kernels.h"
#endif

#if defined(__aarch64__)
#define SDOT_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
SDOT_TARGET LAB_INLINE int8x16_t load_line_sdot(const char *at) {
  return vld1q_s8((const int8_t *)at);
}
SDOT_TARGET LAB_INLINE int8x16_t load_factor_sdot(const char *at) {
  return vreinterpretq_s8_u32(vdupq_n_u32(word_at(at)));
}
typedef int32_t integers_sdot __attribute__((ext_vector_type(4), aligned(4)));
SDOT_TARGET LAB_INLINE void dot_sdot(integers_sdot *sum, int8x16_t factor, int8x16_t line) {
  int32x4_t own;
  memcpy(&own, sum, sizeof own);
  own = vdotq_s32(own, factor, line);
  memcpy(sum, &own, sizeof own);
}
#define ISA sdot
#define TARGET SDOT_TARGET
#define LANES 4
#define PANEL_VECTORS 3
#define TILE_ROWS 8
#define SUM int32_t
#define SCALES_SUMS 1
#define LINE int8x16_t
#define FACTOR int8x16_t
#include "product_low_kernels.h"
#endif

typedef int32_t integers_bytes __attribute__((ext_vector_type(4), aligned(4)));
typedef struct {
  integers_bytes part[4];
} byte_line;
LAB_INLINE byte_line load_line_bytes(const char *at) {
  const integers_bytes words = *(const integers_bytes *)at;
  byte_line line;
  for (int i = 0; i < 4; i++) line.part[i] = (words << (24 - 8 * i)) >> 24;
  return line;
}
typedef struct {
  int32_t part[4];
} byte_factor;
LAB_INLINE byte_factor load_factor_bytes(const char *at) {
  byte_factor factor;
#if defined(__x86_64__)
  for (int i = 0; i < 4; i++) factor.part[i] = (int32_t)((const uint8_t *)at)[i];
#else
  for (int i = 0; i < 4; i++) factor.part[i] = (int32_t)((const int8_t *)at)[i];
#endif
  return factor;
}
LAB_INLINE void dot_bytes(integers_bytes *sum, byte_factor factor, byte_line line) {
  for (int i = 0; i < 4; i++) *sum += factor.part[i] * line.part[i];
}
#define ISA bytes
#define TARGET
#define LANES 4
#define PANEL_VECTORS 1
#define TILE_ROWS 4
#define SUM int32_t
#define SCALES_SUMS 1
#define LINE byte_line
#define FACTOR byte_factor
#include "product_low_kernels.h"

// MARK: The choice

typedef struct {
  const short_kernels *kernels;
  const char *name;
  bool is_native;
} short_choice;

static short_choice chosen_bfloat16(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const char *most = getenv("LAB_KERNELS");
  const bool plain = most && strcmp(most, "sse2") == 0, narrow = most && strcmp(most, "avx2") == 0;
  const bool wide = __builtin_cpu_supports("x86-64-v4") && !narrow && !plain;
  if (wide && __builtin_cpu_supports("avx512bf16") && !(most && strcmp(most, "avx512") == 0))
    return (short_choice){&short_kernels_bf16, "AVX512-BF16 14x32", true};
  if (wide) return (short_choice){&short_kernels_pairs_avx512, "AVX-512 8x32, emulated", false};
  if (__builtin_cpu_supports("x86-64-v3") && !plain)
    return (short_choice){&short_kernels_pairs_avx2, "AVX2 4x16, emulated", false};
#elif defined(__aarch64__) && defined(__linux__)
  if (getauxval(AT_HWCAP2) & (1ul << 14))  // HWCAP2_BF16
    return (short_choice){&short_kernels_bfdot, "NEON bfdot 8x12", true};
#endif
  return (short_choice){&short_kernels_pairs_plain, "4x8, emulated", false};
}

static short_choice chosen_int8(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const char *most = getenv("LAB_KERNELS");
  const bool plain = most && strcmp(most, "sse2") == 0, narrow = most && strcmp(most, "avx2") == 0;
  const bool wide = __builtin_cpu_supports("x86-64-v4") && !narrow && !plain;
  if (wide && __builtin_cpu_supports("avx512vnni") && !(most && strcmp(most, "avx512") == 0))
    return (short_choice){&short_kernels_vnni, "AVX512-VNNI 14x32", true};
  if (__builtin_cpu_supports("x86-64-v3") && !plain)
    return (short_choice){&short_kernels_madd, "AVX2 4x16", false};
#elif defined(__aarch64__) && defined(__linux__)
  if (getauxval(AT_HWCAP) & (1ul << 20))  // HWCAP_ASIMDDP
    return (short_choice){&short_kernels_sdot, "NEON sdot 8x12", true};
#endif
  return (short_choice){&short_kernels_bytes, "4x4", false};
}

#define CHOSEN_ONCE(format)                                                               \
  static const short_choice *format(void) {                                               \
    static short_choice choice;                                                           \
    static int state;                                                                     \
    if (__atomic_load_n(&state, __ATOMIC_ACQUIRE) == 2) return &choice;                   \
    int expected = 0;                                                                     \
    if (__atomic_compare_exchange_n(&state, &expected, 1, false, __ATOMIC_ACQ_REL,        \
                                    __ATOMIC_ACQUIRE)) {                                  \
      choice = chosen_##format();                                                         \
      __atomic_store_n(&state, 2, __ATOMIC_RELEASE);                                      \
    }                                                                                     \
    while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) != 2) {                              \
    }                                                                                     \
    return &choice;                                                                       \
  }
CHOSEN_ONCE(bfloat16)
CHOSEN_ONCE(int8)

const char *lab_bfloat16_kernels(void) { return bfloat16()->name; }
const char *lab_int8_kernels(void) { return int8()->name; }
bool lab_has_bfloat16(void) { return bfloat16()->is_native; }
bool lab_has_int8(void) { return int8()->is_native; }
ptrdiff_t lab_bfloat16_panel_width(void) { return bfloat16()->kernels->panel; }
ptrdiff_t lab_int8_panel_width(void) { return int8()->kernels->panel; }

static ptrdiff_t panels(const short_kernels *k, ptrdiff_t columns) {
  return (columns + k->panel - 1) / k->panel;
}

ptrdiff_t lab_bfloat16_panels(ptrdiff_t columns) { return panels(bfloat16()->kernels, columns); }
ptrdiff_t lab_int8_panels(ptrdiff_t columns) { return panels(int8()->kernels, columns); }

static ptrdiff_t bfloat16_groups(ptrdiff_t k) { return (k + 1) / 2; }
static ptrdiff_t int8_groups(ptrdiff_t k) { return (k + 3) / 4; }

ptrdiff_t lab_bfloat16_packed_bytes(ptrdiff_t columns, ptrdiff_t k) {
  const short_kernels *kernels = bfloat16()->kernels;
  return panels(kernels, columns) * kernels->panel * bfloat16_groups(k) * 4;
}

ptrdiff_t lab_bfloat16_row_bytes(ptrdiff_t k) { return bfloat16_groups(k) * 4; }
ptrdiff_t lab_int8_row_bytes(ptrdiff_t k) { return int8_groups(k) * 4; }

// MARK: Rounding and packing

/// To the nearest bfloat16, ties to even; what is not a number stays none.
LAB_INLINE uint16_t rounded(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const uint32_t nearest = (bits + 0x7FFFu + ((bits >> 16) & 1)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40u;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : nearest);
}

float lab_round_bfloat16(float value) { return float_of_bits((uint32_t)rounded(value) << 16); }

LAB_FAST
static void round_rows(const float *restrict x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride,
                       void *restrict out, ptrdiff_t out_stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *from = x + row * stride;
    uint16_t *to = (uint16_t *)((char *)out + row * out_stride);
    for (ptrdiff_t i = 0; i < k; i++) to[i] = rounded(from[i]);
  }
}

#if defined(__x86_64__)
/// By the instruction for it, which takes numbers below the normal ones for zeros.
BF16_TARGET
static void round_rows_bf16(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride, void *out,
                            ptrdiff_t out_stride) {
  const ptrdiff_t whole = k / 32 * 32, rest = k - whole;
  const __mmask16 low = (__mmask16)(rest >= 16 ? 0xFFFF : (1u << rest) - 1);
  const __mmask16 high = (__mmask16)(rest > 16 ? (1u << (rest - 16)) - 1 : 0);
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *from = x + row * stride;
    uint16_t *to = (uint16_t *)((char *)out + row * out_stride);
    for (ptrdiff_t i = 0; i < whole; i += 32)
      _mm512_storeu_si512(to + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16),
                                                               _mm512_loadu_ps(from + i)));
    if (!rest) continue;
    const __m512 first = _mm512_maskz_loadu_ps(low, from + whole);
    const __m512 second = _mm512_maskz_loadu_ps(high, from + whole + 16);
    _mm512_mask_storeu_epi16(to + whole, (__mmask32)low | (__mmask32)high << 16,
                             (__m512i)_mm512_cvtne2ps_pbh(second, first));
  }
}
#endif

void lab_round_rows_bfloat16(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride, void *out,
                             ptrdiff_t out_stride) {
#if defined(__x86_64__)
  if (bfloat16()->kernels == &short_kernels_bf16)
    round_rows_bf16(x, rows, k, stride, out, out_stride);
  else
    round_rows(x, rows, k, stride, out, out_stride);
#else
  round_rows(x, rows, k, stride, out, out_stride);
#endif
  if (k % 2 == 0) return;
  for (ptrdiff_t row = 0; row < rows; row++)
    ((uint16_t *)((char *)out + row * out_stride))[k] = 0;
}

enum { CHUNK_GROUPS = 64 };

/// Numbers of one column side by side, as in a weight or in keys: rounded rows, whose pairs are
/// then transposed as words.
static void pack_columns(const float *b, ptrdiff_t own, ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride,
                         float *to) {
  float words[WIDEST_PANEL * CHUNK_GROUPS];
  for (ptrdiff_t from = 0; from < k; from += 2 * CHUNK_GROUPS) {
    const ptrdiff_t count = k - from < 2 * CHUNK_GROUPS ? k - from : 2 * CHUNK_GROUPS;
    lab_round_rows_bfloat16(b + from, own, count, stride, words, CHUNK_GROUPS * sizeof *words);
    lab_transpose(words, own, bfloat16_groups(count), CHUNK_GROUPS, to + from / 2 * width, width);
  }
}

/// Numbers of one k side by side, as in values: two rows become one of pairs.
LAB_FAST
static void pack_lines(const float *b, ptrdiff_t own, ptrdiff_t width, ptrdiff_t k, ptrdiff_t stride,
                       uint32_t *restrict to) {
  for (ptrdiff_t at = 0; at < k; at += 2, to += width) {
    const float *low = b + at * stride, *high = low + stride;
    if (at + 1 < k) {
      for (ptrdiff_t i = 0; i < own; i++)
        to[i] = (uint32_t)rounded(low[i]) | (uint32_t)rounded(high[i]) << 16;
    } else {
      for (ptrdiff_t i = 0; i < own; i++) to[i] = rounded(low[i]);
    }
  }
}

void lab_pack_bfloat16(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t column_stride,
                       ptrdiff_t k_stride, ptrdiff_t first_panel, ptrdiff_t last_panel,
                       void *packed) {
  const ptrdiff_t width = bfloat16()->kernels->panel, groups = bfloat16_groups(k);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    float *to = (float *)packed + panel * width * groups;
    const float *from = b + panel * width * column_stride;
    const ptrdiff_t own = columns - panel * width < width ? columns - panel * width : width;
    if (own < width) memset(to, 0, (size_t)(width * groups) * sizeof *to);
    if (k_stride == 1)
      pack_columns(from, own, width, k, column_stride, to);
    else
      pack_lines(from, own, width, k, k_stride, (uint32_t *)to);
  }
}

/// The largest magnitude of a row; NaN where there is one, so that it does not pass for a small
/// number.
LAB_INLINE float greatest_magnitude(const float *x, ptrdiff_t count) {
  uint32_t most = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7FFFFFFFu;
    most = bits > most ? bits : most;
  }
  return float_of_bits(most);
}

/// Nearest integers of x / scale within ±127, plus `offset`.
LAB_INLINE void quantize(const float *restrict x, ptrdiff_t count, float inverse, int32_t offset,
                         int8_t *restrict out) {
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

LAB_FAST
void lab_quantize_rows_int8(const float *x, ptrdiff_t rows, ptrdiff_t k, ptrdiff_t stride, void *out,
                            ptrdiff_t out_stride, float *scales) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    const float *from = x + row * stride;
    const float most = greatest_magnitude(from, k);
    int8_t *to = (int8_t *)out + row * out_stride;
    // What is not finite makes the whole row so: the scale carries it to every output.
    scales[row] = most / 127.0f;
    const bool is_usable = most > 0 && most < __builtin_inff();
    quantize(from, k, is_usable ? 127.0f / most : 0.0f, ROW_OFFSET, to);
    if (!is_usable) memset(to, ROW_OFFSET, (size_t)k);
    for (ptrdiff_t i = k; i < int8_groups(k) * 4; i++) to[i] = (int8_t)ROW_OFFSET;
  }
}

/// Bytes of the panels, behind which stand a scale and an offset for each column.
static ptrdiff_t column_factors_at(const short_kernels *kernels, ptrdiff_t columns, ptrdiff_t k) {
  return panels(kernels, columns) * kernels->panel * int8_groups(k) * 4;
}

ptrdiff_t lab_int8_packed_bytes(ptrdiff_t columns, ptrdiff_t k) {
  const short_kernels *kernels = int8()->kernels;
  return column_factors_at(kernels, columns, k) +
         panels(kernels, columns) * kernels->panel * (ptrdiff_t)(sizeof(float) + sizeof(int32_t));
}

void lab_pack_int8(const float *b, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t stride,
                   ptrdiff_t first_panel, ptrdiff_t last_panel, void *packed) {
  const short_kernels *kernels = int8()->kernels;
  const ptrdiff_t width = kernels->panel, groups = int8_groups(k);
  const ptrdiff_t all = panels(kernels, columns) * width;
  float *scales = (float *)((char *)packed + column_factors_at(kernels, columns, k));
  int32_t *offsets = (int32_t *)(scales + all);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    int8_t *to = (int8_t *)packed + panel * width * groups * 4;
    for (ptrdiff_t i = 0; i < width; i++) {
      const ptrdiff_t column = panel * width + i;
      const float *from = b + column * stride;
      const float most = column < columns ? greatest_magnitude(from, k) : 0.0f;
      const bool is_usable = most > 0 && most < __builtin_inff();
      const float inverse = is_usable ? 127.0f / most : 0.0f;
      scales[column] = most / 127.0f;
      int32_t sum = 0;
      for (ptrdiff_t at = 0; at < 4 * groups; at++) {
        int8_t value = 0;
        if (is_usable && at < k) quantize(from + at, 1, inverse, 0, &value);
        to[(at / 4 * width + i) * 4 + at % 4] = value;
        sum += value;
      }
      offsets[column] = sum * ROW_OFFSET;
    }
  }
}

// MARK: Products

enum { GELU_IN_PLACE = 1, GELU_TO_BFLOAT16 = 2 };

/// What a panel's tiles have in common.
typedef struct {
  ptrdiff_t rows, columns;
  /// 0, or what becomes of finished sums.
  int gelu;
  /// Of the panel's first column and row, where GELU's results are rounded.
  char *rounded;
  ptrdiff_t rounded_stride;
  /// The panel that is read next, or NULL.
  const char *ahead;
} short_panel;

#if defined(__x86_64__)
BF16_TARGET
static void gelu_rows_bf16(const float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride,
                           char *out, ptrdiff_t out_stride) {
  const lab_gelu_table table = lab_load_gelu_table();
  const __mmask32 stored = columns >= 32 ? 0xFFFFFFFFu : (1u << columns) - 1;
  for (ptrdiff_t row = 0; row < rows; row++, x += stride, out += out_stride) {
    const __m512 low = lab_gelu_avx512(_mm512_loadu_ps(x), &table);
    const __m512 high =
        columns > 16 ? lab_gelu_avx512(_mm512_loadu_ps(x + 16), &table) : _mm512_setzero_ps();
    _mm512_mask_storeu_epi16(out, stored, (__m512i)_mm512_cvtne2ps_pbh(high, low));
  }
}
#endif

/// GELU of a tile, rounded to bfloat16.
static void gelu_rounded(float *x, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t stride, char *out,
                         ptrdiff_t out_stride) {
#if defined(__x86_64__)
  if (bfloat16()->kernels == &short_kernels_bf16)
    return gelu_rows_bf16(x, rows, columns, stride, out, out_stride);
#endif
  lab_gelu(x, rows, columns, stride);
  round_rows(x, rows, columns, stride, out, out_stride);
}

static void copy_rows(const float *from, ptrdiff_t from_stride, ptrdiff_t rows, ptrdiff_t columns,
                      float *to, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++)
    memcpy(to + row * stride, from + row * from_stride, (size_t)columns * sizeof *to);
}

static void multiply_panel(const short_kernels *k, short_tile tile, const short_panel *panel) {
  const ptrdiff_t columns = panel->columns;
  const bool narrow = columns <= k->lanes;
  const ptrdiff_t computed = narrow ? k->lanes : k->panel;
  const ptrdiff_t blocks = (panel->rows + k->tile_rows - 1) / k->tile_rows;
  const char *a = tile.a;
  float *c = tile.c;
  const ptrdiff_t stride = tile.c_stride;
  const float *row_scales = tile.row_scales;
  // Where the panel is cut, whole vectors go by way of a tile of their own; so do those that are
  // not left as they are.
  _Alignas(64) float whole[LARGEST_TILE], bias[WIDEST_PANEL] = {0};
  const bool is_detour = columns != computed || panel->gelu;
  if (!tile.bias || columns != computed) {
    if (tile.bias) memcpy(bias, tile.bias, (size_t)columns * sizeof *bias);
    tile.bias = bias;
  }
  tile.ahead_step = panel->ahead ? k->panel * 4 / blocks : 0;
  // One tile alone has to fetch all of the panel, which may be two cache lines of 64 bytes a step.
  tile.ahead_second = tile.ahead_step > 64 ? 64 : 0;
  for (ptrdiff_t block = 0; block < blocks; block++) {
    const ptrdiff_t first = panel->rows * block / blocks, last = panel->rows * (block + 1) / blocks;
    const ptrdiff_t rows = last - first;
    float *target = c ? c + first * stride : NULL;
    tile.a = a + first * tile.a_stride;
    tile.row_scales = row_scales ? row_scales + first : NULL;
    tile.ahead = panel->ahead ? panel->ahead + block * tile.groups * tile.ahead_step : tile.b;
    tile.c = is_detour ? whole : target;
    tile.c_stride = is_detour ? computed : stride;
    if (is_detour && tile.adds) {
      if (columns != computed) memset(whole, 0, sizeof whole);
      copy_rows(target, stride, rows, columns, whole, computed);
    }
    k->tiles[rows * 2 + narrow](&tile);
    if (!is_detour) continue;
    if (panel->gelu == GELU_TO_BFLOAT16) {
      gelu_rounded(whole, rows, columns, computed, panel->rounded + first * panel->rounded_stride,
                   panel->rounded_stride);
    } else {
      if (panel->gelu) lab_gelu(whole, rows, columns, computed);
      copy_rows(whole, computed, rows, columns, target, stride);
    }
  }
}

static ptrdiff_t smaller(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }

void lab_product_bfloat16(const void *a, ptrdiff_t rows, ptrdiff_t a_stride, const void *packed,
                          ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                          ptrdiff_t last_panel, ptrdiff_t panel_after, const float *bias,
                          int epilogue, float *c, ptrdiff_t c_stride) {
  const short_kernels *kernels = bfloat16()->kernels;
  const ptrdiff_t width = kernels->panel, groups = bfloat16_groups(k);
  const ptrdiff_t maximum = MAXIMUM_BFLOAT16_K / 2;
  const ptrdiff_t parts = groups > maximum ? (groups + maximum - 1) / maximum : 1;
  for (ptrdiff_t part = 0; part < parts; part++) {
    const ptrdiff_t from = groups * part / parts, to = groups * (part + 1) / parts;
    for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
      const ptrdiff_t column = panel * width;
      const char *part_start = (const char *)packed + from * width * 4;
      const short_tile tile = {.a = (const char *)a + from * 4,
                               .a_stride = a_stride,
                               .b = part_start + column * groups * 4,
                               .groups = to - from,
                               .bias = part == 0 && bias ? bias + column : NULL,
                               .adds = part > 0 || epilogue == LAB_EPILOGUE_ADD,
                               .c = c + column,
                               .c_stride = c_stride};
      // Then the next panel of this part, the first of the next part, or of the task that comes
      // after this one.
      const ptrdiff_t next = panel + 1 < last_panel ? panel + 1
                             : part + 1 < parts     ? first_panel
                                                    : panel_after - 1;
      const ptrdiff_t next_from = panel + 1 < last_panel ? from : part + 1 < parts ? to : 0;
      const bool has_next = next >= 0 && next * width < columns;
      const short_panel whole = {
          .rows = rows,
          .columns = smaller(columns - column, width),
          .gelu = part == parts - 1 && epilogue == LAB_EPILOGUE_GELU ? GELU_IN_PLACE : 0,
          .ahead = has_next ? (const char *)packed + (next * groups + next_from) * width * 4 : NULL};
      multiply_panel(kernels, tile, &whole);
    }
  }
}

void lab_product_bfloat16_gelu(const void *a, ptrdiff_t rows, ptrdiff_t a_stride,
                               const void *packed, ptrdiff_t columns, ptrdiff_t k,
                               ptrdiff_t first_panel, ptrdiff_t last_panel, const float *bias,
                               void *out, ptrdiff_t out_stride) {
  const short_kernels *kernels = bfloat16()->kernels;
  const ptrdiff_t width = kernels->panel, bytes = width * bfloat16_groups(k) * 4;
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    const ptrdiff_t column = panel * width;
    const short_tile tile = {.a = a,
                             .a_stride = a_stride,
                             .b = (const char *)packed + panel * bytes,
                             .groups = bfloat16_groups(k),
                             .bias = bias ? bias + column : NULL};
    const short_panel whole = {.rows = rows,
                               .columns = smaller(columns - column, width),
                               .gelu = GELU_TO_BFLOAT16,
                               .rounded = (char *)out + column * 2,
                               .rounded_stride = out_stride,
                               .ahead = panel + 1 < last_panel ? tile.b + bytes : NULL};
    multiply_panel(kernels, tile, &whole);
  }
  if (columns % 2 == 0 || last_panel * width < columns) return;
  for (ptrdiff_t row = 0; row < rows; row++)
    ((uint16_t *)((char *)out + row * out_stride))[columns] = 0;
}

void lab_product_int8(const void *a, const float *row_scales, ptrdiff_t rows, ptrdiff_t a_stride,
                      const void *packed, ptrdiff_t columns, ptrdiff_t k, ptrdiff_t first_panel,
                      ptrdiff_t last_panel, ptrdiff_t panel_after, const float *bias, int epilogue,
                      float *c, ptrdiff_t c_stride) {
  const short_kernels *kernels = int8()->kernels;
  const ptrdiff_t width = kernels->panel, bytes = width * int8_groups(k) * 4;
  const float *scales =
      (const float *)((const char *)packed + column_factors_at(kernels, columns, k));
  const int32_t *offsets = (const int32_t *)(scales + panels(kernels, columns) * width);
  for (ptrdiff_t panel = first_panel; panel < last_panel; panel++) {
    const ptrdiff_t column = panel * width;
    const short_tile tile = {.a = a,
                             .a_stride = a_stride,
                             .b = (const char *)packed + panel * bytes,
                             .groups = int8_groups(k),
                             .bias = bias ? bias + column : NULL,
                             .adds = epilogue == LAB_EPILOGUE_ADD,
                             .c = c + column,
                             .c_stride = c_stride,
                             .row_scales = row_scales,
                             .column_scales = scales + column,
                             .column_offsets = offsets + column};
    const ptrdiff_t next = panel + 1 < last_panel ? panel + 1 : panel_after - 1;
    const bool has_next = next >= 0 && next * width < columns;
    const short_panel whole = {.rows = rows,
                               .columns = smaller(columns - column, width),
                               .gelu = epilogue == LAB_EPILOGUE_GELU ? GELU_IN_PLACE : 0,
                               .ahead = has_next ? (const char *)packed + next * bytes : NULL};
    multiply_panel(kernels, tile, &whole);
  }
}
