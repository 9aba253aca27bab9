#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/statistics.cu"

SIMT_KERNEL_TYPES(class_attention)
SIMT_KERNEL_HALVES(received_attention_mma)
SIMT_KERNEL_HALVES(received_attention_mma_heads)
SIMT_KERNEL_TYPES(received_attention_fma)
SIMT_KERNEL_TYPES(received_attention_fma_heads)
SIMT_KERNEL(received_attention_sum)
