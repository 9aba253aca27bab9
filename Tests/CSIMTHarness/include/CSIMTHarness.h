// Runs the CUDA kernels on the processor, thread by thread, to find wrong indices and missing
// barriers.
#ifndef CSIMTHARNESS_H
#define CSIMTHARNESS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// In which order ready threads, and the blocks of a grid, run.
enum { SIMT_FORWARD = 0, SIMT_BACKWARD = 1, SIMT_SHUFFLED = 2 };

/// Sets the order of the calling OS thread's launches; `seed` counts for SIMT_SHUFFLED alone.
void simt_set_order(int order, uint64_t seed);

/// Runs a kernel to its end. `args` holds the address of each parameter, as for cuLaunchKernel.
///
/// Returns 0, or 1 for an unknown kernel or a launch that no GPU takes, 2 for threads that wait for
/// one another for ever or break a rule of a collective operation, 3 for a write outside of the
/// shared memory, 4 for a trap in the kernel. `simt_error` says which. Shared memory starts as NaN.
int simt_launch(const char *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                void **args);

/// What was wrong with the calling OS thread's last launch, a full sentence; empty after a good
/// one.
const char *simt_error(void);

/// Threads of the calling OS thread's last launch that have waited for the kernel before it.
unsigned long long simt_waits(void);

int simt_kernel_count(void);
/// Names in alphabetical order.
const char *simt_kernel_name(int index);
/// One letter for each parameter: p pointer, i int, f float, l long long, L unsigned long long.
/// NULL for an unknown name.
const char *simt_kernel_signature(const char *kernel);

#ifdef __cplusplus
}
#endif
#endif
