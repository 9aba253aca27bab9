#include "device.hpp"
#include "../../Sources/CUDABackend/Kernels/readout.cu"

SIMT_KERNEL_TYPES(read_out_prefix)
SIMT_KERNEL_TYPES(row_statistics)
SIMT_KERNEL_TYPES(read_out_mean)
