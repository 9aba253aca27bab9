// Tensor cores, and what brings operands to them: thin names for single instructions of sm_80 and
// newer, and for what sm_75 has in their place.
//
// Fragments of m16n8k16, g = lane / 4, t = lane % 4, two numbers in a word:
//   a[0] = A[g][2t..], a[1] = A[g + 8][2t..], a[2] = A[g][2t + 8..], a[3] = A[g + 8][2t + 8..]
//   b[0] = B[2t..][g], b[1] = B[2t + 8..][g]
//   c[0], c[1] = C[g][2t..], c[2], c[3] = C[g + 8][2t..]
// Source: PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type".
#ifndef LAB_MMA_CUH
#define LAB_MMA_CUH

#include "common.cuh"

#ifdef LAB_SIMT
#include "simt_mma.hpp"
#elif LAB_TENSOR_CORES

/// An address in shared memory, to which bytes can be added: instructions take a constant with it.
typedef unsigned SharedAddress;

DEVICE SharedAddress shared_address(const void *pointer) {
  unsigned address;
  asm("{ .reg .u64 a; cvta.to.shared.u64 a, %1; cvt.u32.u64 %0, a; }"
      : "=r"(address)
      : "l"(pointer));
  return address;
}

#if __CUDA_ARCH__ < 800
/// Copies 16 bytes at once: what is asynchronous came with sm_80. Others see them after a barrier.
DEVICE void copy_async(void *to, const void *from, bool valid) {
  *(uint4 *)to = valid ? *(const uint4 *)from : uint4{0, 0, 0, 0};
}
DEVICE void commit_copies() {}
template <int pending>
DEVICE void wait_copies() {}
#else
/// Starts a copy of 16 bytes into shared memory; zeros instead where not `valid`.
DEVICE void copy_async(void *to, const void *from, bool valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(valid ? 16 : 0)
               : "memory");
}

/// Closes the group of the copies that this thread has started.
DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits for all but the last `pending` groups of this thread's copies; other threads see them
/// after a barrier.
template <int pending>
DEVICE void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}
#endif

/// Four 8 x 8 matrices: lane i gives the address of row i % 8 of matrix i / 8.
DEVICE void load_matrices(unsigned (&r)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}

DEVICE void load_matrices_transposed(unsigned (&r)[4], SharedAddress row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(row)
               : "memory");
}

DEVICE void load_matrices(unsigned (&r)[4], const void *row) {
  load_matrices(r, shared_address(row));
}

DEVICE void load_matrices_transposed(unsigned (&r)[4], const void *row) {
  load_matrices_transposed(r, shared_address(row));
}

#if LAB_TF32
/// The nearest number of 10 bits of mantissa.
DEVICE unsigned round_tf32(float x) {
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
}

/// c += A B of m16n8k8: a[0] = A[g][t], a[1] = A[g + 8][t], a[2] = A[g][t + 4], a[3] = A[g + 8][t +
/// 4], b0 = B[t][g], b1 = B[t + 4][g], c as above.
DEVICE void multiply_tf32(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#endif

#if __CUDA_ARCH__ < 800
/// c += A B, in two halves of eight terms: a[0] and a[1] with b0, a[2] and a[3] with b1.
DEVICE void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Half) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(b0));
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[2]), "r"(a[3]), "r"(b1));
}
#else
/// c += A B
DEVICE void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, Half) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

DEVICE void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1, BFloat16) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, "
      "{%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#endif

#endif
#endif
