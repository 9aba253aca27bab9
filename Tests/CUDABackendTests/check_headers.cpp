// Compares CCUDA.h with NVIDIA's own headers: every number, the layout of what is handed over, and
// the shape of every function. It is compiled and not linked (HeaderTests.swift), and needs cuda.h,
// nvrtc.h and cublasLt.h of one version from 11 to 13.
#include <cuda.h>
#include <cublasLt.h>
#include <nvrtc.h>

// After theirs, which rename some functions by macros: ours are then renamed alike.
#include "CCUDA.h"
#include "check_shapes.hpp"

// MARK: Functions

LAB_CUDA_DRIVER_FUNCTIONS(COMPARE, NOTHING)
LAB_NVRTC_FUNCTIONS(COMPARE, NOTHING)
LAB_CUBLASLT_FUNCTIONS(COMPARE, NOTHING)

// What only some versions have.
#if CUDA_VERSION >= 11040
static_assert(Same<decltype(lab_cuda_driver::cuGraphInstantiateWithFlags),
                   decltype(&::cuGraphInstantiateWithFlags)>::value,
              "");
#else
static_assert(Same<decltype(lab_cuda_driver::cuGraphInstantiate_v2),
                   decltype(&::cuGraphInstantiate_v2)>::value,
              "");
#endif
#if CUDA_VERSION >= 11020
static_assert(Same<decltype(lab_nvrtc::nvrtcGetCUBINSize), decltype(&::nvrtcGetCUBINSize)>::value,
              "");
static_assert(Same<decltype(lab_nvrtc::nvrtcGetCUBIN), decltype(&::nvrtcGetCUBIN)>::value, "");
static_assert(Same<decltype(lab_nvrtc::nvrtcGetNumSupportedArchs),
                   decltype(&::nvrtcGetNumSupportedArchs)>::value,
              "");
static_assert(
    Same<decltype(lab_nvrtc::nvrtcGetSupportedArchs), decltype(&::nvrtcGetSupportedArchs)>::value,
    "");
#endif
#if CUDA_VERSION >= 11040
static_assert(Same<decltype(lab_cublaslt::cublasLtGetStatusString),
                   decltype(&::cublasLtGetStatusString)>::value,
              "");
#endif

// MARK: Layouts

#if CUDA_VERSION >= 11080
static_assert(sizeof(lab_cuda_launch) == sizeof(CUlaunchConfig), "launches");
static_assert(offsetof(lab_cuda_launch, shared_bytes) == offsetof(CUlaunchConfig, sharedMemBytes),
              "launches");
static_assert(offsetof(lab_cuda_launch, stream) == offsetof(CUlaunchConfig, hStream), "launches");
static_assert(offsetof(lab_cuda_launch, attributes) == offsetof(CUlaunchConfig, attrs), "launches");
static_assert(offsetof(lab_cuda_launch, attribute_count) == offsetof(CUlaunchConfig, numAttrs),
              "launches");
static_assert(sizeof(lab_cuda_launch_attribute) == sizeof(CUlaunchAttribute), "launch attributes");
static_assert(offsetof(lab_cuda_launch_attribute, value) == offsetof(CUlaunchAttribute, value),
              "launch attributes");
static_assert(
    Same<decltype(lab_cuda_driver::cuLaunchKernelEx), decltype(&::cuLaunchKernelEx)>::value, "");
#endif

static_assert(sizeof(lab_device_address) == sizeof(CUdeviceptr), "addresses");
static_assert(sizeof(lab_cublaslt_algorithm) == sizeof(cublasLtMatmulAlgo_t) &&
                  alignof(lab_cublaslt_algorithm) == alignof(cublasLtMatmulAlgo_t),
              "algorithms");
static_assert(sizeof(lab_cublaslt_choice) == sizeof(cublasLtMatmulHeuristicResult_t), "choices");
static_assert(offsetof(lab_cublaslt_choice, algorithm) ==
                  offsetof(cublasLtMatmulHeuristicResult_t, algo),
              "choices");
static_assert(offsetof(lab_cublaslt_choice, workspace_bytes) ==
                  offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize),
              "choices");
static_assert(offsetof(lab_cublaslt_choice, status) ==
                  offsetof(cublasLtMatmulHeuristicResult_t, state),
              "choices");
static_assert(offsetof(lab_cublaslt_choice, waves) ==
                  offsetof(cublasLtMatmulHeuristicResult_t, wavesCount),
              "choices");

// MARK: Numbers

#define EQUAL(ours, theirs) static_assert((long long)(ours) == (long long)(theirs), #ours);
#if CUDA_VERSION >= 11080
EQUAL(LAB_CUDA_LAUNCH_PROGRAMMATIC_SERIALIZATION,
      CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
#endif
EQUAL(LAB_CUBLASLT_EPILOGUE_GELU_BIAS, CUBLASLT_EPILOGUE_GELU_BIAS)
EQUAL(LAB_CUDA_SUCCESS, CUDA_SUCCESS)
EQUAL(LAB_CUDA_INVALID_VALUE, CUDA_ERROR_INVALID_VALUE)
EQUAL(LAB_CUDA_OUT_OF_MEMORY, CUDA_ERROR_OUT_OF_MEMORY)
#if CUDA_VERSION >= 11020
EQUAL(LAB_CUDA_STUB_LIBRARY, CUDA_ERROR_STUB_LIBRARY)
#endif
#if CUDA_VERSION >= 11060
EQUAL(LAB_CUDA_DEVICE_UNAVAILABLE, CUDA_ERROR_DEVICE_UNAVAILABLE)
#endif
EQUAL(LAB_CUDA_NO_DEVICE, CUDA_ERROR_NO_DEVICE)
EQUAL(LAB_CUDA_INVALID_DEVICE, CUDA_ERROR_INVALID_DEVICE)
EQUAL(LAB_CUDA_INVALID_IMAGE, CUDA_ERROR_INVALID_IMAGE)
EQUAL(LAB_CUDA_INVALID_CONTEXT, CUDA_ERROR_INVALID_CONTEXT)
EQUAL(LAB_CUDA_NO_BINARY_FOR_GPU, CUDA_ERROR_NO_BINARY_FOR_GPU)
EQUAL(LAB_CUDA_INVALID_PTX, CUDA_ERROR_INVALID_PTX)
#if CUDA_VERSION >= 11010
EQUAL(LAB_CUDA_UNSUPPORTED_PTX_VERSION, CUDA_ERROR_UNSUPPORTED_PTX_VERSION)
#endif
EQUAL(LAB_CUDA_NOT_FOUND, CUDA_ERROR_NOT_FOUND)
EQUAL(LAB_CUDA_ILLEGAL_ADDRESS, CUDA_ERROR_ILLEGAL_ADDRESS)
EQUAL(LAB_CUDA_LAUNCH_OUT_OF_RESOURCES, CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES)
EQUAL(LAB_CUDA_ECC_UNCORRECTABLE, CUDA_ERROR_ECC_UNCORRECTABLE)
EQUAL(LAB_CUDA_NVLINK_UNCORRECTABLE, CUDA_ERROR_NVLINK_UNCORRECTABLE)
#if CUDA_VERSION >= 13000
EQUAL(LAB_CUDA_CONTAINED, CUDA_ERROR_CONTAINED)
EQUAL(LAB_CUDA_TENSOR_MEMORY_LEAK, CUDA_ERROR_TENSOR_MEMORY_LEAK)
#endif
EQUAL(LAB_CUDA_LAUNCH_TIMEOUT, CUDA_ERROR_LAUNCH_TIMEOUT)
EQUAL(LAB_CUDA_CONTEXT_IS_DESTROYED, CUDA_ERROR_CONTEXT_IS_DESTROYED)
EQUAL(LAB_CUDA_ASSERT, CUDA_ERROR_ASSERT)
EQUAL(LAB_CUDA_HARDWARE_STACK_ERROR, CUDA_ERROR_HARDWARE_STACK_ERROR)
EQUAL(LAB_CUDA_ILLEGAL_INSTRUCTION, CUDA_ERROR_ILLEGAL_INSTRUCTION)
EQUAL(LAB_CUDA_MISALIGNED_ADDRESS, CUDA_ERROR_MISALIGNED_ADDRESS)
EQUAL(LAB_CUDA_INVALID_ADDRESS_SPACE, CUDA_ERROR_INVALID_ADDRESS_SPACE)
EQUAL(LAB_CUDA_INVALID_PC, CUDA_ERROR_INVALID_PC)
EQUAL(LAB_CUDA_LAUNCH_FAILED, CUDA_ERROR_LAUNCH_FAILED)
EQUAL(LAB_CUDA_STREAM_CAPTURE_UNSUPPORTED, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)
EQUAL(LAB_CUDA_UNKNOWN, CUDA_ERROR_UNKNOWN)
EQUAL(LAB_CUDA_SYSTEM_DRIVER_MISMATCH, CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
EQUAL(LAB_CUDA_MAX_SHARED_MEMORY, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK)
EQUAL(LAB_CUDA_CLOCK_KILOHERTZ, CU_DEVICE_ATTRIBUTE_CLOCK_RATE)
EQUAL(LAB_CUDA_MULTIPROCESSORS, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)
EQUAL(LAB_CUDA_INTEGRATED, CU_DEVICE_ATTRIBUTE_INTEGRATED)
EQUAL(LAB_CUDA_PCI_BUS, CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)
EQUAL(LAB_CUDA_PCI_DEVICE, CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)
EQUAL(LAB_CUDA_MEMORY_CLOCK_KILOHERTZ, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE)
EQUAL(LAB_CUDA_L2_BYTES, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)
EQUAL(LAB_CUDA_PCI_DOMAIN, CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID)
EQUAL(LAB_CUDA_CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
EQUAL(LAB_CUDA_CAPABILITY_MINOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)
EQUAL(LAB_CUDA_MAX_SHARED_MEMORY_OPTIN, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
EQUAL(LAB_CUDA_FUNCTION_MAX_DYNAMIC_SHARED, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
EQUAL(LAB_CUDA_STREAM_NON_BLOCKING, CU_STREAM_NON_BLOCKING)
EQUAL(LAB_CUDA_CAPTURE_THREAD_LOCAL, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
EQUAL(LAB_CUDA_JIT_ERROR_LOG, CU_JIT_ERROR_LOG_BUFFER)
EQUAL(LAB_CUDA_JIT_ERROR_LOG_BYTES, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES)
EQUAL(LAB_NVRTC_SUCCESS, NVRTC_SUCCESS)
EQUAL(LAB_NVRTC_COMPILATION, NVRTC_ERROR_COMPILATION)
EQUAL(LAB_CUBLAS_R_32F, CUDA_R_32F)
EQUAL(LAB_CUBLAS_R_16F, CUDA_R_16F)
EQUAL(LAB_CUBLAS_R_16BF, CUDA_R_16BF)
EQUAL(LAB_CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F)
EQUAL(LAB_CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_COMPUTE_32F_FAST_TF32)
EQUAL(LAB_CUBLAS_OP_N, CUBLAS_OP_N)
EQUAL(LAB_CUBLAS_OP_T, CUBLAS_OP_T)
EQUAL(LAB_CUBLAS_SUCCESS, CUBLAS_STATUS_SUCCESS)
EQUAL(LAB_CUBLAS_NOT_INITIALIZED, CUBLAS_STATUS_NOT_INITIALIZED)
EQUAL(LAB_CUBLAS_INVALID_VALUE, CUBLAS_STATUS_INVALID_VALUE)
EQUAL(LAB_CUBLAS_NOT_SUPPORTED, CUBLAS_STATUS_NOT_SUPPORTED)
EQUAL(LAB_CUBLASLT_DESC_TRANSA, CUBLASLT_MATMUL_DESC_TRANSA)
EQUAL(LAB_CUBLASLT_DESC_TRANSB, CUBLASLT_MATMUL_DESC_TRANSB)
EQUAL(LAB_CUBLASLT_DESC_EPILOGUE, CUBLASLT_MATMUL_DESC_EPILOGUE)
EQUAL(LAB_CUBLASLT_DESC_BIAS_POINTER, CUBLASLT_MATMUL_DESC_BIAS_POINTER)
EQUAL(LAB_CUBLASLT_PREF_MAX_WORKSPACE, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES)
EQUAL(LAB_CUBLASLT_PREF_REDUCTION_SCHEMES, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK)
EQUAL(LAB_CUBLASLT_PREF_ALIGNMENT_A, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES)
EQUAL(LAB_CUBLASLT_PREF_ALIGNMENT_B, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES)
EQUAL(LAB_CUBLASLT_PREF_ALIGNMENT_C, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES)
EQUAL(LAB_CUBLASLT_PREF_ALIGNMENT_D, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES)
EQUAL(LAB_CUBLASLT_EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_DEFAULT)
EQUAL(LAB_CUBLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_BIAS)
EQUAL(LAB_CUBLASLT_REDUCTION_COMPUTE_TYPE, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE)
