// The bfloat16 micro-kernels of each instruction set; included by gemm_bfloat16.c.
#include "gemm_low_tiles.h"

/// The two values of each column, or of one row, as float32: for CPUs without a bfloat16
/// instruction.
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
#define GROUP_BYTES 4
#define LINE __m512bh
#define FACTOR __m512bh
#include "gemm_low_kernels.h"

FLOAT_PAIRS(pairs_avx512, V4_TARGET, 16)
#define ISA pairs_avx512
#define TARGET V4_TARGET
#define LANES 16
#define PANEL_VECTORS 2
#define TILE_ROWS 8
#define SUM float
#define SCALES_SUMS 0
#define GROUP_BYTES 4
#define LINE line_pairs_avx512
#define FACTOR float_pair
#include "gemm_low_kernels.h"

FLOAT_PAIRS(pairs_avx2, V3_TARGET, 8)
#define ISA pairs_avx2
#define TARGET V3_TARGET
#define LANES 8
#define PANEL_VECTORS 2
#define TILE_ROWS 4
#define SUM float
#define SCALES_SUMS 0
#define GROUP_BYTES 4
#define LINE line_pairs_avx2
#define FACTOR float_pair
#include "gemm_low_kernels.h"
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
#define GROUP_BYTES 4
#define LINE bfloat16x8_t
#define FACTOR bfloat16x8_t
#include "gemm_low_kernels.h"

// The target of bfdot has bfmmla too. Both add products in pairs with their own rounding, to odd,
// and treat subnormal numbers as 0, if the CPU does not have FEAT_EBF16.
BFDOT_TARGET LAB_INLINE bfloat16x8_t load_line_bfmmla(const char *at) {
  return load_line_bfdot(at);
}
BFDOT_TARGET LAB_INLINE bfloat16x8_t load_factor_bfmmla(const char *at, const char *other) {
  const uint8x8_t low = vld1_u8((const uint8_t *)at), high = vld1_u8((const uint8_t *)other);
  return vreinterpretq_bf16_u8(vcombine_u8(low, high));
}
BFDOT_TARGET LAB_INLINE void dot_bfmmla(floats_bfdot *sums, bfloat16x8_t factor,
                                        bfloat16x8_t line) {
  float32x4_t own;
  memcpy(&own, sums, sizeof own);
  own = vbfmmlaq_f32(own, factor, line);
  memcpy(sums, &own, sizeof own);
}
#define ISA bfmmla
#define TARGET BFDOT_TARGET
#define LANES 4
#define PANEL_VECTORS 3
#define TILE_ROWS 8
#define SUM float
#define SCALES_SUMS 0
#define GROUP_BYTES 8
#define LINE bfloat16x8_t
#define FACTOR bfloat16x8_t
#include "gemm_low_kernels.h"
#endif

FLOAT_PAIRS(pairs_plain, , 4)
#define ISA pairs_plain
#define TARGET
#define LANES 4
#define PANEL_VECTORS 2
#define TILE_ROWS 4
#define SUM float
#define SCALES_SUMS 0
#define GROUP_BYTES 4
#define LINE line_pairs_plain
#define FACTOR float_pair
#include "gemm_low_kernels.h"
