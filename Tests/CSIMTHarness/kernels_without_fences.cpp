// Copies are not shown to products here: a test expects the harness to find it.
#include "device.hpp"
//
#include "../../Sources/CUDABackend/Kernels/wgmma.cuh"

#undef KERNEL
#define KERNEL(name, threads) [[maybe_unused]] static void fault_without_fences_##name
#undef RESIDENT_KERNEL
#define RESIDENT_KERNEL(name, threads, blocks) KERNEL(name, threads)
static void no_fence() {}
#define show_to_products no_fence

#include "../../Sources/CUDABackend/Kernels/gemm_wgmma.cu"

SIMT_KERNEL(fault_without_fences_gemm_wgmma_n128_f16)
