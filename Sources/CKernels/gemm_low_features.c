// Instructions for bfloat16 and int8 about which `__builtin_cpu_supports` cannot say everything.
#include "gemm_low_tiles.h"

// MARK: AMX

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/// What arch_prctl calls the request for a state component, and the component of tiles.
enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

/// XCR0, which says what state the operating system saves; the CPU must have OSXSAVE.
static uint64_t saved_state(void) {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

bool lab_has_amx(void) {
  unsigned a, b, c, d;
  const unsigned osxsave = 1u << 27;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave)) return false;
  const unsigned bf16 = 1u << 22, tile = 1u << 24, int8 = 1u << 25, needed = bf16 | tile | int8;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & needed) != needed) return false;
  const uint64_t tile_state = 3u << 17;
  if ((saved_state() & tile_state) != tile_state) return false;
  // Palette 1 must have at least 8 tiles of 16 rows of 64 bytes.
  if (!__get_cpuid_count(0x1D, 1, &a, &b, &c, &d)) return false;
  if ((b & 0xFFFF) < 64 || b >> 16 < 8 || (c & 0xFFFF) < 16) return false;
  // Tiles enlarge the state of a thread, so Linux allows them only to a process that asks, all
  // threads of it. It refuses if an alternate signal stack is too small, or in some containers.
  return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}
#else
bool lab_has_amx(void) { return false; }
#endif

// MARK: arm64

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

bool lab_has_arm_bf16(void) { return getauxval(AT_HWCAP2) >> 14 & 1; }         // HWCAP2_BF16
bool lab_has_arm_dot_product(void) { return getauxval(AT_HWCAP) >> 20 & 1; }  // HWCAP_ASIMDDP
bool lab_has_arm_i8mm(void) { return getauxval(AT_HWCAP2) >> 13 & 1; }         // HWCAP2_I8MM
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>

static bool has(const char *feature) {
  int value = 0;
  size_t size = sizeof value;
  return sysctlbyname(feature, &value, &size, NULL, 0) == 0 && value != 0;
}

bool lab_has_arm_bf16(void) { return has("hw.optional.arm.FEAT_BF16"); }
bool lab_has_arm_dot_product(void) { return has("hw.optional.arm.FEAT_DotProd"); }
bool lab_has_arm_i8mm(void) { return has("hw.optional.arm.FEAT_I8MM"); }
#else
bool lab_has_arm_bf16(void) { return false; }
bool lab_has_arm_dot_product(void) { return false; }
bool lab_has_arm_i8mm(void) { return false; }
#endif
