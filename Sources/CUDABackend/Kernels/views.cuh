// Rows of heads anywhere in memory, and which tokens attend to each other.
#ifndef LAB_VIEWS_CUH
#define LAB_VIEWS_CUH

#include "common.cuh"

/// Rows of `tokens` tokens for each image; `token` and `head` are the elements between two.
template <typename T>
struct HeadRows {
  T *start;
  int token, head;
  int tokens;

  __device__ __forceinline__ T *row(int image, int index, int of) const {
    return start + ((size_t)image * tokens + index) * token + (size_t)of * head;
  }
};

/// Which tokens attend to each other, as `TokenGrouping`: 0 all, 1 windows, 2 interleaved.
struct Grouping {
  int kind, height, width, window, shift;

  __device__ __forceinline__ int groups() const {
    return kind == 0 ? 1 : kind == 1 ? (height / window) * (width / window) : window * window;
  }
  __device__ __forceinline__ int token(int group, int place) const {
    if (kind == 0) return place;
    if (kind == 1) {
      const int across = width / window;
      const int y = group / across * window + place / window;
      const int x = group % across * window + place % window;
      return (y + shift) % height * width + (x + shift) % width;
    }
    const int across = width / window;
    return (place / across * window + group / window) * width + place % across * window +
           group % window;
  }
  /// Tokens of one window see each other where this is the same.
  __device__ __forceinline__ int region(int group, int place) const {
    if (kind != 1 || shift == 0) return 0;
    const int across = width / window;
    const int y = group / across * window + place / window;
    const int x = group % across * window + place % window;
    const int down = y < height - window ? 0 : y < height - shift ? 1 : 2;
    const int right = x < width - window ? 0 : x < width - shift ? 1 : 2;
    return 3 * down + right;
  }
};

#endif
