#include "machine.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "fiber.hpp"

namespace simt {

namespace {
constexpr std::size_t stack_bytes = 48 * 1024;
constexpr std::size_t guard_bytes = 4096;
constexpr unsigned char guard_value = 0xA5;
/// All bits set: NaN in every floating-point format, -1 as an integer.
constexpr unsigned char poison = 0xFF;
/// The maximum shared memory of a block on any GPU.
constexpr unsigned most_shared_bytes = 227 * 1024;
}  // namespace

Machine &Machine::current() {
  static thread_local Machine machine;
  return machine;
}

void Machine::set_order(int new_order, std::uint64_t seed) {
  order = new_order;
  random_state = seed;
}

std::uint64_t Machine::random() {
  std::uint64_t z = random_state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

bool Machine::copies_early() {
  // Both extremes and a mixture: a copy may happen immediately, or only when it is waited for.
  return order == 1 || (order == 2 && random() % 2 == 0);
}

int Machine::launch(Body kernel, void **args, Index3 grid, Index3 block, unsigned shared_bytes) {
  error.clear();
  code = 0;
  waits = 0;
  const unsigned long long size = 1ull * block.x * block.y * block.z;
  if (size == 0 || size > 1024 || block.z > 64 || grid.x == 0 || grid.y == 0 || grid.z == 0 ||
      grid.x > 0x7FFFFFFFu || grid.y > 65535 || grid.z > 65535 ||
      shared_bytes > most_shared_bytes) {
    fail(1, "no GPU takes a launch of this grid, block or shared memory");
    return code;
  }
  body = kernel;
  arguments = args;
  grid_extent = grid;
  block_extent = block;
  stacks.resize(std::max(stacks.size(), std::size_t(size) * stack_bytes));
  arena.resize(shared_bytes + 2 * guard_bytes + 128);
  const auto address = reinterpret_cast<std::uintptr_t>(arena.data()) + guard_bytes;
  shared = reinterpret_cast<unsigned char *>((address + 127) & ~std::uintptr_t(127));

  const std::size_t blocks = std::size_t(grid.x) * grid.y * grid.z;
  // A stride without a common divisor visits every block once.
  std::size_t start = 0, stride = 1;
  if (order == 1) start = blocks - 1, stride = blocks - 1;
  if (order == 2) {
    start = random() % blocks;
    do stride = 1 + random() % blocks;
    while (std::gcd(stride, blocks) != 1);
  }
  for (std::size_t i = 0, at = start; i < blocks && code == 0; i++, at = (at + stride) % blocks) {
    block_index = {unsigned(at % grid.x), unsigned(at / grid.x % grid.y),
                   unsigned(at / grid.x / grid.y)};
    std::memset(shared - guard_bytes, guard_value, guard_bytes);
    std::memset(shared, poison, shared_bytes);
    std::memset(shared + shared_bytes, guard_value, guard_bytes);
    run_block(unsigned(size));
    for (std::size_t k = 0; k < guard_bytes && code == 0; k++)
      if (shared[shared_bytes + k] != guard_value || shared[-1 - std::ptrdiff_t(k)] != guard_value)
        fail(3, "a thread of block (" + std::to_string(block_index.x) + ", " +
                    std::to_string(block_index.y) + ", " + std::to_string(block_index.z) +
                    ") wrote outside of the " + std::to_string(shared_bytes) +
                    " bytes of shared memory");
  }
  return code;
}

void Machine::run_block(unsigned size) {
  threads.resize(size);
  warps.assign((size + 31) / 32, Warp{});
  ready.clear();
  ready_first = 0;
  for (unsigned rank = 0; rank < size; rank++) {
    Thread &thread = threads[rank];
    thread.rank = rank;
    thread.index = {rank % block_extent.x, rank / block_extent.x % block_extent.y,
                    rank / block_extent.x / block_extent.y};
    thread.stack_pointer =
        prepare_stack(stacks.data() + rank * stack_bytes, stack_bytes, &Machine::enter);
    thread.state = Thread::ready;
    thread.copies.clear();
    thread.groups = 0;
    thread.products.clear();
    thread.product_groups = 0;
    thread.waited_groups = thread.shown_groups = 0;
    thread.has_begun = false;
  }
  for (unsigned i = 0; i < size; i++) ready.push_back(&threads[order == 1 ? size - 1 - i : i]);

  while (code == 0) {
    while (ready_first < ready.size() && code == 0) {
      running = &take_ready();
      simt_switch(&scheduler_stack, running->stack_pointer);
    }
    if (code != 0) return;
    ready.clear();
    ready_first = 0;
    unsigned waiting = 0, finished = 0;
    Thread *stuck = nullptr;
    for (Thread &thread : threads) {
      waiting += thread.state == Thread::at_barrier;
      finished += thread.state == Thread::finished;
      if (thread.state == Thread::in_warp) stuck = &thread;
    }
    if (finished == size) return;
    if (stuck) {
      const Warp &warp = warps[stuck->rank / 32];
      return fail(2, where(*stuck) + " waits in " + warp.operation + " for lanes that never come");
    }
    if (finished > 0)
      return fail(2, std::to_string(waiting) + " threads wait at __syncthreads and " +
                         std::to_string(finished) + " have left the kernel");
    for (unsigned i = 0; i < size; i++) make_ready(threads[order == 1 ? size - 1 - i : i]);
  }
}

void Machine::make_ready(Thread &thread) {
  thread.state = Thread::ready;
  ready.push_back(&thread);
}

Thread &Machine::take_ready() {
  if (order == 2) {
    const std::size_t pick = ready_first + random() % (ready.size() - ready_first);
    std::swap(ready[pick], ready[ready_first]);
  } else if (order == 1) {
    Thread *last = ready.back();
    ready.pop_back();
    return *last;
  }
  return *ready[ready_first++];
}

void Machine::enter() {
  Machine &machine = current();
  machine.body(machine.arguments);
  machine.running->state = Thread::finished;
  machine.yield();
}

void Machine::yield() { simt_switch(&running->stack_pointer, scheduler_stack); }

void Machine::barrier() {
  running->state = Thread::at_barrier;
  yield();
}

void Machine::meet(const char *operation, unsigned mask, void *mine,
                   void (*combine)(void *const *, unsigned)) {
  const unsigned lane = running->rank % 32;
  Warp &warp = warps[running->rank / 32];
  if (!(mask >> lane & 1)) trap("a lane calls a collective operation that leaves it out");
  if (warp.arrived == 0) {
    warp.operation = operation;
    warp.mask = mask;
  } else if (warp.mask != mask || std::strcmp(warp.operation, operation) != 0) {
    trap("lanes of one warp meet in different operations or with different masks");
  }
  warp.lanes[lane] = mine;
  warp.arrived |= 1u << lane;
  if (warp.arrived != mask) {
    running->state = Thread::in_warp;
    yield();
    return;
  }
  combine(warp.lanes, mask);
  warp.arrived = 0;
  const unsigned first = running->rank / 32 * 32;
  for (unsigned other = 0; other < 32; other++)
    if (other != lane && mask >> other & 1) make_ready(threads[first + other]);
}

void Machine::fail(int new_code, std::string sentence) {
  code = new_code;
  error = std::move(sentence);
}

void Machine::trap(const char *why) {
  fail(4, where(*running) + ": " + why);
  yield();
  __builtin_unreachable();
}

std::string Machine::where(const Thread &thread) const {
  return "thread " + std::to_string(thread.rank) + " of block (" + std::to_string(block_index.x) +
         ", " + std::to_string(block_index.y) + ", " + std::to_string(block_index.z) + ")";
}

}  // namespace simt
