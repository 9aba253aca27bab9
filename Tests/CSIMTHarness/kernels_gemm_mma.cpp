#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/gemm_mma.cu"

SIMT_KERNEL_HALVES(gemm_mma_large)
SIMT_KERNEL_HALVES(gemm_mma_small)
