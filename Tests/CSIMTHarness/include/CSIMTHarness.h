// Runs the CUDA kernels on the CPU, thread by thread, to find wrong indices and missing barriers.
#ifndef CSIMTHARNESS_H
#define CSIMTHARNESS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The order in which ready threads, and the blocks of a grid, run.
enum { SIMT_FORWARD = 0, SIMT_BACKWARD = 1, SIMT_SHUFFLED = 2 };

/// Sets the order for launches from the calling OS thread; `seed` is used only by SIMT_SHUFFLED.
void simt_set_order(int order, uint64_t seed);

/// Runs a kernel to its end. `args` contains the address of each parameter, as for cuLaunchKernel.
///
/// Returns 0, or 1 for an unknown kernel or a launch that no GPU accepts, 2 for a deadlock or a
/// violated rule of a collective operation, 3 for a write outside of shared memory, 4 for a trap in
/// the kernel; `simt_error` gives the details. Shared memory starts as NaN.
int simt_launch(const char *kernel, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                void **args);

/// The error of the calling OS thread's last launch as a full sentence; empty if it succeeded.
const char *simt_error(void);

/// The number of threads of the calling OS thread's last launch that waited for the previous
/// kernel.
unsigned long long simt_waits(void);

int simt_kernel_count(void);
/// Kernel names in alphabetical order.
const char *simt_kernel_name(int index);
/// One letter for each parameter: p pointer, i int, f float, l long long, L unsigned long long.
/// NULL for an unknown name.
const char *simt_kernel_signature(const char *kernel);

#ifdef __cplusplus
}
#endif
#endif
