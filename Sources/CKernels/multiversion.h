// One binary for every x86-64: hot functions are compiled for AVX-512, AVX2 and the baseline, and
// the loader picks. On other processors (NEON is part of every arm64) the plain build is already
// the fast one.
#ifndef LAB_MULTIVERSION_H
#define LAB_MULTIVERSION_H

#if defined(__x86_64__) && defined(__linux__)
#define LAB_FAST __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LAB_FAST
#endif

#define LAB_INLINE static inline __attribute__((always_inline))

// Sums over a row may be taken in any order: without this a loop over them cannot be vectorized.
#define LAB_REASSOCIATE _Pragma("clang fp reassociate(on)")

#endif
