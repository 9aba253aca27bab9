// A CUDA driver, compiler and matrix library without a card, for tests: a card's memory is the
// host's, kernels run on whatever launcher a test gives, matrix products are plain loops. It counts
// what is alive, and fails when it is told to.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef int (*fake_cuda_launcher)(
    const char *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
    unsigned bz, unsigned shared_bytes, void **args);

// How the fake behaves; `fake_cuda_reset` gives one H-class card on which all goes well.
typedef struct {
  int cards;
  int driver_version;
  int init_result;
  int major, minor;
  int multiprocessors;
  // The most shared memory of a block.
  int shared_bytes;
  size_t memory_bytes;
  int nvrtc_major, nvrtc_minor;
  // What NVRTC says it can compile for, ended by 0.
  int architectures[16];
  // Whether a compilation fails with a log.
  int compilation_fails;
  // Whether the driver refuses machine code.
  int refuses_modules;
  size_t cublaslt_version;
  // The launch, counted from 1, that loses the card; 0 for none.
  int losing_launch;
  // What the next wait after a launch says, once, as errors of kernels show; 0 for nothing.
  int error_at_synchronization;
  // What the next launch is refused with, once; 0 for nothing.
  int launch_error;
  // Whether that launch loses the card, which its error does not say.
  int launch_error_loses;
  // Whether cuBLASLt suggests no algorithm, once.
  int suggests_nothing_once;
  // Whether the card shares the processor's memory, as Jetson boards do.
  int integrated;
  // Whether graphs are made by the function of CUDA 11.0.
  int has_only_old_graphs;
  // A symbol that no library has, or null.
  const char *missing_symbol;
  fake_cuda_launcher launcher;
  // One letter for each parameter of a kernel, to check a launch's; or null.
  const char *(*signature)(const char *kernel);
  // Threads of the last launch that have waited for the kernel before; or null.
  unsigned long long (*waits)(void);
  // Whether cuBLASLt has no algorithm that ends with GELU.
  int lacks_gelu;
} fake_cuda_behavior;

// What is alive, and what was done.
typedef struct {
  int allocations, contexts, streams, modules, graphs, executables, events, programs, libraries;
  int descriptions;
  size_t bytes;
  // Pieces of pinned memory; replays of graphs that hold products alone.
  int pinned, trials;
  int launches, replays, products, compilations, captures, searches, copies_while_capturing;
  // Launches that may begin before the kernel before has ended; products that ended with GELU.
  int overlaps, activations;
} fake_cuda_counts;

void fake_cuda_reset(void);
fake_cuda_behavior *fake_cuda_behave(void);
fake_cuda_counts *fake_cuda_count(void);
// The kernels launched since the reset, in their order, each on a line of its own, up to 64 kB.
const char *fake_cuda_launched(void);

// The resolver of all three libraries' symbols.
void *fake_cuda_symbol(void *context, const char *name);
