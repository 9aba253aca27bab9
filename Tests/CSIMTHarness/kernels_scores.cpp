#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/scores.cu"

SIMT_KERNEL(random_scores)
SIMT_KERNEL_TYPES(feature_scores)
SIMT_KERNEL_TYPES(key_metric)
SIMT_KERNEL(attention_maxima)
SIMT_KERNEL(combine_scores)
