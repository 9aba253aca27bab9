#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/convolution.cu"

SIMT_KERNEL_TYPES(convolve_plain)
SIMT_KERNEL_TYPES(convolve_depthwise)
