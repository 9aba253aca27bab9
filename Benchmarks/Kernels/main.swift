// Each CPU kernel of lab on one core compared with its bound, and the matrix products with
// OpenBLAS's, as Markdown tables.
//
//     swift run kernel-benchmarks                               # half a minute, on a quiet machine
//     OPENBLAS_CORETYPE=Haswell swift run kernel-benchmarks     # with other kernels of OpenBLAS
//     LAB_KERNELS=avx2 swift run kernel-benchmarks              # with lab's kernels for AVX2
let benchmarks = KernelBenchmarks()
benchmarks.printProducts()
benchmarks.printRowKernels()
benchmarks.printConvolutions()
benchmarks.printDepthwiseConvolutions()
benchmarks.printPictureAttention()
benchmarks.printPooling()
