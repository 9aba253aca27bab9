// Executes AMX's instructions in software on an x86-64 CPU that does not have them: each one raises
// SIGILL, and the handler does what Intel's manual says of it ("Intel AMX Instruction Reference").
// The machine code under test is therefore the one that runs on a CPU with AMX, where no signal is
// raised. Its loads and stores are ordinary C here, so AddressSanitizer checks them.
//
// This file replaces gemm_low_features.c. AMX_TEST=wrong in the environment makes one product of
// tiles wrong, to test that the kernels' own check finds it.
#define _GNU_SOURCE
#include "amx.h"

#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { TILES = 8, MAX_ROWS = 16, MAX_BYTES = 64 };

/// The tiles of one thread.
static _Thread_local struct {
  bool is_configured;
  int rows[TILES], bytes[TILES];
  unsigned char tiles[TILES][MAX_ROWS][MAX_BYTES];
} state;

static long executed;
static bool is_wrong;

long amx_instructions(void) { return __atomic_load_n(&executed, __ATOMIC_RELAXED); }
bool amx_is_configured(void) { return state.is_configured; }

/// What the CPU would answer by #GP or #UD.
static void require(bool holds, const char *what) {
  if (holds) return;
  fprintf(stderr, "AMX: %s\n", what);
  abort();
}

// MARK: Instructions

static void load_configuration(const unsigned char *from) {
  require(from[0] == 1, "ldtilecfg: the palette is not 1");
  require(from[1] == 0, "ldtilecfg: the start row is not 0");
  for (int i = 2; i < 16; i++) require(from[i] == 0, "ldtilecfg: reserved bytes are not 0");
  memset(&state, 0, sizeof state);
  for (int i = 0; i < 16; i++) {
    const int bytes = from[16 + 2 * i] | from[17 + 2 * i] << 8, rows = from[48 + i];
    require(i < TILES || (bytes == 0 && rows == 0), "ldtilecfg: palette 1 has only 8 tiles");
    require(bytes <= MAX_BYTES && rows <= MAX_ROWS, "ldtilecfg: a tile is too large");
    require((bytes == 0) == (rows == 0), "ldtilecfg: a tile has rows or bytes, but not both");
    if (i >= TILES) continue;
    state.rows[i] = rows;
    state.bytes[i] = bytes;
  }
  state.is_configured = true;
}

static void require_tile(int tile) {
  require(state.is_configured, "tiles are used before ldtilecfg");
  require(tile < TILES && state.rows[tile] > 0, "a tile that is not configured");
  require(state.bytes[tile] % 4 == 0, "a tile whose rows are no multiple of 4 bytes");
}

static void load_tile(int tile, const unsigned char *base, int64_t stride) {
  require_tile(tile);
  memset(state.tiles[tile], 0, sizeof state.tiles[tile]);
  for (int row = 0; row < state.rows[tile]; row++)
    for (int i = 0; i < state.bytes[tile]; i++)
      state.tiles[tile][row][i] = base[row * stride + i];
}

static void store_tile(int tile, unsigned char *base, int64_t stride) {
  require_tile(tile);
  for (int row = 0; row < state.rows[tile]; row++)
    for (int i = 0; i < state.bytes[tile]; i++)
      base[row * stride + i] = state.tiles[tile][row][i];
}

static void require_product(int sums, int left, int right) {
  require_tile(sums);
  require_tile(left);
  require_tile(right);
  require(sums != left && sums != right && left != right, "a product of a tile with itself");
  require(state.rows[sums] == state.rows[left] && state.bytes[sums] == state.bytes[right] &&
              state.bytes[left] / 4 == state.rows[right],
          "a product of tiles whose sizes do not match");
}

/// Subnormal operands and results are 0.
static float flushed(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x; }

static float bfloat16_at(const unsigned char *at) {
  const uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 24;
  float value;
  memcpy(&value, &bits, sizeof value);
  return flushed(value);
}

/// tdpbf16ps: the sums of the products of even and of odd elements, then their sum.
static void multiply_bfloat16(int sums, int left, int right) {
  require_product(sums, left, right);
  for (int row = 0; row < state.rows[sums]; row++)
    for (int column = 0; column < state.bytes[sums] / 4; column++) {
      float parts[2] = {0, 0};
      for (int k = 0; k < state.rows[right]; k++)
        for (int i = 0; i < 2; i++)
          parts[i] = flushed(fmaf(bfloat16_at(state.tiles[left][row] + 4 * k + 2 * i),
                                  bfloat16_at(state.tiles[right][k] + 4 * column + 2 * i),
                                  parts[i]));
      float sum;
      memcpy(&sum, state.tiles[sums][row] + 4 * column, sizeof sum);
      sum = flushed(flushed(sum) + flushed(parts[0] + parts[1]));
      if (is_wrong && row == 3 && column == 5) sum += 1;
      memcpy(state.tiles[sums][row] + 4 * column, &sum, sizeof sum);
    }
}

/// tdpbuud, tdpbusd, tdpbsud and tdpbssd, which wrap around.
static void multiply_bytes(int sums, int left, int right, bool left_is_signed,
                           bool right_is_signed) {
  require_product(sums, left, right);
  for (int row = 0; row < state.rows[sums]; row++)
    for (int column = 0; column < state.bytes[sums] / 4; column++) {
      uint32_t sum;
      memcpy(&sum, state.tiles[sums][row] + 4 * column, sizeof sum);
      for (int k = 0; k < state.rows[right]; k++)
        for (int i = 0; i < 4; i++) {
          const unsigned char a = state.tiles[left][row][4 * k + i];
          const unsigned char b = state.tiles[right][k][4 * column + i];
          const int x = left_is_signed ? (signed char)a : a;
          const int y = right_is_signed ? (signed char)b : b;
          sum += (uint32_t)(x * y);
        }
      if (is_wrong && row == 3 && column == 5) sum += 1;
      memcpy(state.tiles[sums][row] + 4 * column, &sum, sizeof sum);
    }
}

// MARK: Decoding

static greg_t register_at(const ucontext_t *context, int number) {
  static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};
  return context->uc_mcontext.gregs[order[number]];
}

/// A memory operand: base and displacement, and the index times its scale, which is the stride of a
/// tile.
typedef struct {
  int64_t base, index;
  bool has_index;
  /// Bytes from ModRM on.
  int length;
} memory_operand;

static memory_operand memory_at(const ucontext_t *context, const unsigned char *modrm,
                                int base_bit, int index_bit) {
  const int mod = modrm[0] >> 6, rm = modrm[0] & 7;
  memory_operand operand = {.length = 1};
  bool has_base = true;
  int base = rm | base_bit;
  if (rm == 4) {
    const int sib = modrm[1], index = (sib >> 3 & 7) | index_bit;
    operand.length = 2;
    operand.has_index = index != 4;
    if (operand.has_index)
      operand.index = (int64_t)((uint64_t)register_at(context, index) << (sib >> 6));
    base = (sib & 7) | base_bit;
    has_base = mod != 0 || (sib & 7) != 5;
  } else if (mod == 0 && rm == 5) {
    abort();  // Relative to the instruction pointer: no compiler has used it here.
  }
  if (mod == 1) {
    operand.base = (signed char)modrm[operand.length];
    operand.length += 1;
  } else if (mod == 2 || !has_base) {
    int32_t displacement;
    memcpy(&displacement, modrm + operand.length, sizeof displacement);
    operand.base = displacement;
    operand.length += 4;
  }
  if (has_base) operand.base += register_at(context, base);
  return operand;
}

/// Executes the instruction and returns its length, or 0 if it is none of AMX.
static int execute(const ucontext_t *context, const unsigned char *code) {
  enum { NO_PREFIX = 0, PREFIX_66 = 1, PREFIX_F3 = 2, PREFIX_F2 = 3 };
  // A VEX prefix of three bytes, opcode map 0F38, W = 0, L = 0.
  if (code[0] != 0xC4 || (code[1] & 0x1F) != 2 || (code[2] & 0x84) != 0) return 0;
  const int index_bit = code[1] & 0x40 ? 0 : 8, base_bit = code[1] & 0x20 ? 0 : 8;
  const int prefix = code[2] & 3, third = ~code[2] >> 3 & 15, opcode = code[3];
  const int reg = (code[4] >> 3 & 7) | (code[1] & 0x80 ? 0 : 8);
  const bool is_memory = code[4] >> 6 != 3;
  if (opcode == 0x49 && !is_memory) {
    if (prefix == NO_PREFIX && code[4] == 0xC0) {
      memset(&state, 0, sizeof state);
    } else if (prefix == PREFIX_F2) {
      require_tile(reg);
      memset(state.tiles[reg], 0, sizeof state.tiles[reg]);
    } else {
      return 0;
    }
    return 5;
  }
  if ((opcode == 0x5C || opcode == 0x5E) && !is_memory) {
    const int left = (code[4] & 7) | base_bit;
    if (opcode == 0x5E)
      multiply_bytes(reg, left, third, prefix == PREFIX_F3 || prefix == PREFIX_F2,
                     prefix == PREFIX_66 || prefix == PREFIX_F2);
    else if (prefix == PREFIX_F3)
      multiply_bfloat16(reg, left, third);
    else
      return 0;
    return 5;
  }
  if (!is_memory || (opcode != 0x49 && opcode != 0x4B)) return 0;
  const memory_operand operand = memory_at(context, code + 4, base_bit, index_bit);
  unsigned char *const base = (unsigned char *)operand.base;
  if (opcode == 0x49) {
    if (prefix != NO_PREFIX || (code[4] & 0x38) != 0) return 0;
    load_configuration(base + (operand.has_index ? operand.index : 0));
  } else {
    require((code[4] & 7) == 4 && operand.has_index, "a tile without a stride");
    if (prefix == PREFIX_F2 || prefix == PREFIX_66)
      load_tile(reg, base, operand.index);
    else if (prefix == PREFIX_F3)
      store_tile(reg, base, operand.index);
    else
      return 0;
  }
  return 4 + operand.length;
}

static void on_illegal_instruction(int signal_number, siginfo_t *info, void *raw) {
  ucontext_t *context = raw;
  (void)info;
  const int length =
      execute(context, (const unsigned char *)context->uc_mcontext.gregs[REG_RIP]);
  if (length == 0) {
    signal(signal_number, SIG_DFL);
    return;
  }
  __atomic_fetch_add(&executed, 1, __ATOMIC_RELAXED);
  context->uc_mcontext.gregs[REG_RIP] += length;
}

// MARK: In place of gemm_low_features.c

bool lab_has_amx(void) {
  const char *mode = getenv("AMX_TEST");
  is_wrong = mode && strcmp(mode, "wrong") == 0;
  struct sigaction action = {.sa_sigaction = on_illegal_instruction, .sa_flags = SA_SIGINFO};
  sigaction(SIGILL, &action, NULL);
  // Where there is AMX, ask for it as gemm_low_features.c does.
  syscall(SYS_arch_prctl, 0x1023, 18);
  return true;
}

bool lab_has_arm_bf16(void) { return false; }
bool lab_has_arm_dot_product(void) { return false; }
bool lab_has_arm_i8mm(void) { return false; }
