// Copies and products are not waited for here, which the harness must detect.
#include "device.hpp"
//
#include "../../Sources/CUDABackend/Kernels/wgmma.cuh"

#undef KERNEL
#define KERNEL(name, threads) [[maybe_unused]] static void fault_without_waiting_##name
#undef RESIDENT_KERNEL
#define RESIDENT_KERNEL(name, threads, blocks) KERNEL(name, threads)
template <int pending>
static void no_wait() {}
#define wait_copies no_wait
#define wait_products no_wait

#include "../../Sources/CUDABackend/Kernels/attention_mma.cu"
#include "../../Sources/CUDABackend/Kernels/gemm_wgmma.cu"

SIMT_KERNEL(fault_without_waiting_attention_mma_d64_f16)
SIMT_KERNEL(fault_without_waiting_gemm_wgmma_n128_f16)
