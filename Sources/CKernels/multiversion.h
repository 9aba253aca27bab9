// One binary for every x86-64 CPU: hot functions are compiled for AVX-512, AVX2 and the baseline,
// and the loader selects one. On arm64 the plain build already uses NEON. The thread sanitizer gets
// the plain build: the loader asks for the CPU before the sanitizer is ready to note a call.
#ifndef LAB_MULTIVERSION_H
#define LAB_MULTIVERSION_H

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define LAB_SANITIZES_THREADS
#endif
#endif

#if defined(__x86_64__) && defined(__linux__) && !defined(LAB_SANITIZES_THREADS)
#define LAB_FAST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LAB_FAST
#endif

#define LAB_INLINE static inline __attribute__((always_inline))

// Allows the compiler to reorder sums, without which it cannot vectorize them.
#define LAB_REASSOCIATE _Pragma("clang fp reassociate(on)")

#endif
