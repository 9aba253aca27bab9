#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/gemm_wgmma.cu"

SIMT_KERNEL_HALVES(gemm_wgmma_n128)
SIMT_KERNEL_HALVES(gemm_wgmma_n256)
