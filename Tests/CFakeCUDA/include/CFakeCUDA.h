// A fake CUDA driver, compiler and cuBLASLt for tests without a GPU: GPU memory is host memory,
// kernels run on a launcher that a test provides, and GEMMs are plain loops. It counts live
// objects, and fails on request.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef int (*fake_cuda_launcher)(
    const char *kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
    unsigned bz, unsigned shared_bytes, void **args);

// The behavior of the fake; `fake_cuda_reset` sets up one GPU of the H100 class without failures.
typedef struct {
  int cards;
  int driver_version;
  int init_result;
  int major, minor;
  int multiprocessors;
  // The maximum shared memory of a block.
  int shared_bytes;
  size_t memory_bytes;
  int nvrtc_major, nvrtc_minor;
  // The architectures that NVRTC supports, ended by 0.
  int architectures[16];
  // Whether a compilation fails with a log.
  int compilation_fails;
  // Whether the driver refuses machine code.
  int refuses_modules;
  size_t cublaslt_version;
  // The launch, counted from 1, at which the GPU is lost; 0 for none.
  int losing_launch;
  // The error that the next synchronization after a launch returns, once, like an error of a
  // kernel; 0 for none.
  int error_at_synchronization;
  // The error that the next launch returns, once; 0 for none.
  int launch_error;
  // Whether the GPU is lost at that launch, which its error does not show.
  int launch_error_loses;
  // Whether cuBLASLt suggests no algorithm, once.
  int suggests_nothing_once;
  // Whether the GPU shares memory with the CPU, as on Jetson boards.
  int integrated;
  // Whether only CUDA 11.0's function to instantiate graphs exists.
  int has_only_old_graphs;
  // A symbol that is missing in all libraries, or null.
  const char *missing_symbol;
  fake_cuda_launcher launcher;
  // Returns one letter for each parameter of a kernel, to check launches; or null.
  const char *(*signature)(const char *kernel);
  // Returns the number of threads of the last launch that waited for the previous kernel; or null.
  unsigned long long (*waits)(void);
  // Whether cuBLASLt has no algorithm with a GELU epilogue.
  int lacks_gelu;
} fake_cuda_behavior;

// Counts of live objects and of operations.
typedef struct {
  int allocations, contexts, streams, modules, graphs, executables, events, programs, libraries;
  int descriptions;
  size_t bytes;
  // Pinned allocations; replays of graphs that contain only GEMMs.
  int pinned, trials;
  int launches, replays, products, compilations, captures, searches, copies_while_capturing;
  // Launches that may start before the previous kernel has finished; GEMMs with a GELU epilogue.
  int overlaps, activations;
} fake_cuda_counts;

void fake_cuda_reset(void);
fake_cuda_behavior *fake_cuda_behave(void);
fake_cuda_counts *fake_cuda_count(void);
// The kernels launched since the reset, in order, one per line, up to 64 kB.
const char *fake_cuda_launched(void);

// Resolves the symbols of all three libraries.
void *fake_cuda_symbol(void *context, const char *name);
