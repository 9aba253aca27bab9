#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/convolution_mma.cu"

SIMT_KERNEL_HALVES(convolve_mma_large)
SIMT_KERNEL_HALVES(convolve_mma_small)
