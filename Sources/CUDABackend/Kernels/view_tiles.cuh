// Rows of views as tiles in shared memory.
#ifndef LAB_VIEW_TILES_CUH
#define LAB_VIEW_TILES_CUH

#include "mma.cuh"
#include "views.cuh"

#if LAB_TENSOR_CORES

/// Whether eight terms of every row are sixteen aligned bytes.
template <typename T>
DEVICE bool is_wide(const HeadRows<T> &view, int dim) {
  return (((size_t)view.start | (size_t)view.token * sizeof(T) | (size_t)view.head * sizeof(T) |
           (size_t)dim * sizeof(T)) &
          15) == 0;
}

/// Eight terms of a row into shared memory, zeros from `dim` on.
template <typename T>
DEVICE void copy_eight(T *to, const T *row, int column, int dim, bool there, bool wide) {
  if (wide) {
    const bool any = there && column < dim;
    return copy_async(to, any ? row + column : row, any);
  }
#pragma unroll
  for (int i = 0; i < 8; i += 2)
    *(unsigned *)(to + i) = there && column + i < dim ? *(const unsigned *)(row + column + i) : 0u;
}

#endif
#endif
