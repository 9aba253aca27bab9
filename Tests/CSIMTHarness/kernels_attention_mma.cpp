#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/attention_mma.cu"

SIMT_KERNEL_TYPES(attention_mma_d32)
SIMT_KERNEL_TYPES(attention_mma_d64)
SIMT_KERNEL_TYPES(attention_mma_d128)
