#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/view_attention_mma.cu"

SIMT_KERNEL_HALVES(view_attention_mma_d32)
SIMT_KERNEL_HALVES(view_attention_mma_d64)
SIMT_KERNEL_HALVES(view_attention_mma_d128)
