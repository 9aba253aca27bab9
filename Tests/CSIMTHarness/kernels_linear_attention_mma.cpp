#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/linear_attention_mma.cu"

SIMT_KERNEL_HALVES(linear_sums_mma_d16)
SIMT_KERNEL_HALVES(linear_outputs_mma_d16)
SIMT_KERNEL_HALVES(linear_sums_mma_d32)
SIMT_KERNEL_HALVES(linear_outputs_mma_d32)
