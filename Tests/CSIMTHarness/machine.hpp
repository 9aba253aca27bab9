// One block of threads at a time: scheduling, barriers, collective operations of a warp, shared memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace simt {

struct Index3 {
  unsigned x, y, z;
};

/// A copy into shared memory that has been asked for and may not have happened yet.
struct PendingCopy {
  void *to;
  /// Groups that its thread had closed before.
  unsigned group;
  unsigned char bytes[16];
};

/// A lane's part of a warpgroup's product that was begun and may not have happened yet.
struct PendingProduct {
  float (*sums)[4];
  int count;
  const char *a, *b;
  float (*decode)(std::uint16_t bits);
  /// Groups that its thread had closed before.
  unsigned group;
};

/// One thread of the running block.
struct Thread {
  Index3 index;
  unsigned rank;
  void *stack_pointer;
  enum State { ready, at_barrier, in_warp, finished } state;
  std::vector<PendingCopy> copies;
  /// Groups of copies that it has closed.
  unsigned groups;
  std::vector<PendingProduct> products;
  /// Groups of products that it has closed.
  unsigned product_groups;
  /// Groups of copies that it has waited for, and those of them that products may read.
  unsigned waited_groups, shown_groups;
  /// Whether products may add to its sums.
  bool has_begun;
};

/// What the lanes of a warp have brought to the collective operation that they are in.
struct Warp {
  const char *operation;
  unsigned mask;
  unsigned arrived;
  void *lanes[32];
};

/// Runs blocks; one for each OS thread.
class Machine {
 public:
  static Machine &current();

  void set_order(int order, std::uint64_t seed);
  int launch(void (*body)(void **), void **args, Index3 grid, Index3 block, unsigned shared_bytes);

  // What device code calls.
  Thread &thread() { return *running; }
  void barrier();
  /// Meets the other lanes of `mask`; the last to come runs `combine` over what all have brought.
  void meet(const char *operation, unsigned mask, void *mine, void (*combine)(void *const *lanes, unsigned mask));
  void fail(int code, std::string sentence);
  [[noreturn]] void trap(const char *why);
  unsigned char *shared_memory() { return shared; }
  bool copies_early();
  /// Notes that a thread has waited for the kernel before.
  void wait_for_previous() { waits++; }

  std::string error;
  /// Threads of the last launch that have waited for the kernel before.
  unsigned long long waits = 0;
  Index3 block_index{}, block_extent{}, grid_extent{};

 private:
  void run_block(unsigned threads);
  void yield();
  void make_ready(Thread &thread);
  Thread &take_ready();
  std::uint64_t random();
  static void enter();
  std::string where(const Thread &thread) const;

  int order = 0;
  std::uint64_t random_state = 0;
  int code = 0;
  void (*body)(void **) = nullptr;
  void **arguments = nullptr;
  Thread *running = nullptr;
  void *scheduler_stack = nullptr;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<Thread *> ready;
  std::size_t ready_first = 0;
  std::vector<unsigned char> stacks;
  std::vector<unsigned char> arena;
  unsigned char *shared = nullptr;
};

// MARK: Registry

using Body = void (*)(void **);

void add_kernel(const char *name, const char *signature, Body body);

template <typename T>
constexpr char letter() {
  if constexpr (std::is_pointer_v<T>) return 'p';
  else if constexpr (std::is_same_v<T, int>) return 'i';
  else if constexpr (std::is_same_v<T, float>) return 'f';
  else if constexpr (std::is_same_v<T, long long>) return 'l';
  else {
    static_assert(std::is_same_v<T, unsigned long long>, "a parameter type without a letter");
    return 'L';
  }
}

template <auto function>
struct Kernel;

template <typename... Parameters, void (*function)(Parameters...)>
struct Kernel<function> {
  static constexpr char signature[] = {letter<Parameters>()..., 0};

  static void body(void **args) { call(args, std::index_sequence_for<Parameters...>{}); }

  template <std::size_t... i>
  static void call(void **args, std::index_sequence<i...>) {
    function(*static_cast<Parameters *>(args[i])...);
  }
};

/// Adds a kernel to the registry when the program starts.
template <auto function>
struct Registration {
  explicit Registration(const char *name) {
    add_kernel(name, Kernel<function>::signature, Kernel<function>::body);
  }
};

}  // namespace simt

#define SIMT_KERNEL(name) static const simt::Registration<name> registration_##name(#name);
#define SIMT_KERNEL_HALVES(name) SIMT_KERNEL(name##_f16) SIMT_KERNEL(name##_bf16)
#define SIMT_KERNEL_TYPES(name) SIMT_KERNEL(name##_f32) SIMT_KERNEL_HALVES(name)
