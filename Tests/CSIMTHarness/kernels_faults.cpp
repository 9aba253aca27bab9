// Kernels with one error each, which the harness must detect. Names start with "fault_".
#include "device.hpp"

extern "C" {

/// Each thread reads the value of the thread 37 further on; without the barrier, some read it
/// before it is written.
static void pass_on(int has_barrier, int *out) {
  int *shared = static_cast<int *>(shared_memory());
  const int rank = int(threadIdx.x), size = int(blockDim.x);
  shared[rank] = rank;
  if (has_barrier) __syncthreads();
  out[rank] = shared[(rank + 37) % size];
}

static void fault_missing_barrier(int *out) { pass_on(0, out); }
static void fault_none(int *out) { pass_on(1, out); }

/// The last thread writes one element after the shared memory of `count` elements.
static void fault_shared_overrun(int *out, int count) {
  int *shared = static_cast<int *>(shared_memory());
  if (int(threadIdx.x) == int(blockDim.x) - 1) shared[count] = 1;
  out[threadIdx.x] = 0;
}

/// Half of a warp does not reach the shuffle.
static void fault_absent_lanes(int *out) {
  out[threadIdx.x] = threadIdx.x < 16 ? __shfl_xor_sync(0xFFFFFFFFu, 1, 1) : 0;
}

/// One thread leaves before the barrier.
static void fault_early_exit(int *out) {
  if (threadIdx.x == 3) return;
  __syncthreads();
  out[threadIdx.x] = 0;
}

/// Lanes of a warp reach different operations.
static void fault_mixed_operations(int *out) {
  if (threadIdx.x % 2) __syncwarp();
  else out[threadIdx.x] = int(__ballot_sync(0xFFFFFFFFu, 1));
}
}

SIMT_KERNEL(fault_missing_barrier)
SIMT_KERNEL(fault_none)
SIMT_KERNEL(fault_shared_overrun)
SIMT_KERNEL(fault_absent_lanes)
SIMT_KERNEL(fault_early_exit)
SIMT_KERNEL(fault_mixed_operations)
