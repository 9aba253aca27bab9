// Compares CCUDA.h with NVIDIA's own headers: every number, the layout of what is handed over, and
// the shape of every function. It is compiled and not linked (HeaderTests.swift), and needs cuda.h,
// nvrtc.h and cublasLt.h of one version from 11 to 13.
#include <cuda.h>
#include <cublasLt.h>
#include <nvrtc.h>

#include <cstddef>
#include <type_traits>

// After theirs, which rename some functions by macros: ours are then renamed alike.
#include "CCUDA.h"

// MARK: Functions

/// Whether an argument is passed alike: addresses, numbers of the same size, floating point of the
/// same size.
template <typename A, typename B>
constexpr bool alike() {
  if constexpr (std::is_void_v<A> || std::is_void_v<B>) return std::is_void_v<A> && std::is_void_v<B>;
  else if constexpr (std::is_pointer_v<A> || std::is_pointer_v<B>) return std::is_pointer_v<A> && std::is_pointer_v<B>;
  else if constexpr (std::is_floating_point_v<A> || std::is_floating_point_v<B>)
    return std::is_floating_point_v<A> && std::is_floating_point_v<B> && sizeof(A) == sizeof(B);
  else return sizeof(A) == sizeof(B);
}

/// What an address points at must have the same size too, where both sides know it.
template <typename A, typename B>
constexpr bool points_alike() {
  if constexpr (std::is_pointer_v<A> && std::is_pointer_v<B>) {
    using C = std::remove_pointer_t<A>;
    using D = std::remove_pointer_t<B>;
    if constexpr ((std::is_arithmetic_v<C> || std::is_enum_v<C> || std::is_pointer_v<C>) &&
                  (std::is_arithmetic_v<D> || std::is_enum_v<D> || std::is_pointer_v<D>))
      return sizeof(C) == sizeof(D);
  }
  return true;
}

template <typename Ours, typename Theirs>
struct Same : std::false_type {};

template <typename R, typename... A, typename S, typename... B>
struct Same<R (*)(A...), S (*)(B...)> {
  static constexpr bool compare() {
    if constexpr (sizeof...(A) != sizeof...(B)) return false;
    else return alike<R, S>() && (alike<A, B>() && ...) && (points_alike<A, B>() && ...);
  }
  static constexpr bool value = compare();
};

static_assert(!Same<int (*)(int), int (*)(int, int)>::value && !Same<int (*)(void *), int (*)(int)>::value, "the comparison sees nothing");
static_assert(!Same<int (*)(size_t *), int (*)(int *)>::value && !Same<int (*)(int), int (*)(size_t)>::value, "the comparison sees nothing");

#define NOTHING(result, name, parameters)
#define COMPARE(result, name, parameters) \
  static_assert(Same<result(*) parameters, decltype(&::name)>::value, #name " has another shape");

LAB_CUDA_DRIVER_FUNCTIONS(COMPARE, NOTHING)
LAB_NVRTC_FUNCTIONS(COMPARE, NOTHING)
LAB_CUBLASLT_FUNCTIONS(COMPARE, NOTHING)

// What only some versions have.
#if CUDA_VERSION >= 11040
static_assert(Same<decltype(lab_cuda_driver::cuGraphInstantiateWithFlags), decltype(&::cuGraphInstantiateWithFlags)>::value, "");
#else
static_assert(Same<decltype(lab_cuda_driver::cuGraphInstantiate_v2), decltype(&::cuGraphInstantiate_v2)>::value, "");
#endif
#if CUDA_VERSION >= 11020
static_assert(Same<decltype(lab_nvrtc::nvrtcGetCUBINSize), decltype(&::nvrtcGetCUBINSize)>::value, "");
static_assert(Same<decltype(lab_nvrtc::nvrtcGetCUBIN), decltype(&::nvrtcGetCUBIN)>::value, "");
static_assert(Same<decltype(lab_nvrtc::nvrtcGetNumSupportedArchs), decltype(&::nvrtcGetNumSupportedArchs)>::value, "");
static_assert(Same<decltype(lab_nvrtc::nvrtcGetSupportedArchs), decltype(&::nvrtcGetSupportedArchs)>::value, "");
#endif
#if CUDA_VERSION >= 11040
static_assert(Same<decltype(lab_cublaslt::cublasLtGetStatusString), decltype(&::cublasLtGetStatusString)>::value, "");
#endif

// MARK: Layouts

static_assert(sizeof(lab_device_address) == sizeof(CUdeviceptr), "addresses");
static_assert(sizeof(lab_cublaslt_algorithm) == sizeof(cublasLtMatmulAlgo_t) && alignof(lab_cublaslt_algorithm) == alignof(cublasLtMatmulAlgo_t), "algorithms");
static_assert(sizeof(lab_cublaslt_choice) == sizeof(cublasLtMatmulHeuristicResult_t), "choices");
static_assert(offsetof(lab_cublaslt_choice, algorithm) == offsetof(cublasLtMatmulHeuristicResult_t, algo), "choices");
static_assert(offsetof(lab_cublaslt_choice, workspace_bytes) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize), "choices");
static_assert(offsetof(lab_cublaslt_choice, status) == offsetof(cublasLtMatmulHeuristicResult_t, state), "choices");
static_assert(offsetof(lab_cublaslt_choice, waves) == offsetof(cublasLtMatmulHeuristicResult_t, wavesCount), "choices");

// MARK: Numbers

#define EQUAL(ours, theirs) static_assert((long long)(ours) == (long long)(theirs), #ours);
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
EQUAL(LAB_CUDA_LAUNCH_FAILED, CUDA_ERROR_LAUNCH_FAILED)
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
