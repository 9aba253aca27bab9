#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/norm_gemm.cu"

SIMT_KERNEL_HALVES(norm_gemm_mma_r32)
SIMT_KERNEL_HALVES(norm_gemm_mma_r64)
