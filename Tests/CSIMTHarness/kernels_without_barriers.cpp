// Barriers do nothing here, which the harness must detect.
#include "device.hpp"
//
#include "../../Sources/CUDABackend/Kernels/wgmma.cuh"

#undef KERNEL
#define KERNEL(name, threads) [[maybe_unused]] static void fault_without_barriers_##name
#undef RESIDENT_KERNEL
#define RESIDENT_KERNEL(name, threads, blocks) KERNEL(name, threads)
#define __syncthreads() ((void)0)

#include "../../Sources/CUDABackend/Kernels/attention_mma.cu"
#include "../../Sources/CUDABackend/Kernels/gemm_wgmma.cu"
#include "../../Sources/CUDABackend/Kernels/reduce.cu"
#include "../../Sources/CUDABackend/Kernels/selection.cu"

SIMT_KERNEL(fault_without_barriers_attention_mma_d64_f16)
SIMT_KERNEL(fault_without_barriers_select_tokens)
SIMT_KERNEL(fault_without_barriers_reduce_tokens_f32)
SIMT_KERNEL(fault_without_barriers_gemm_wgmma_n128_f16)
