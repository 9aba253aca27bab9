// Operations on rows and pictures that are no products: elementwise, norms of views, pooling, and
// what moves rows.
#include "picture.cuh"

// MARK: Elementwise

/// A thread a number: 0 f(a), 1 f(a + b), 2 a b, 3 f(a) + b. `share` rows of a have one row of b.
template <typename T>
DEVICE void combine(const T *a, int a_stride, const T *b, int b_stride, int share, T *out,
                    int out_stride, int rows, int width, int operation, int activation) {
  const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int row = (int)(index / width), column = (int)(index % width);
  if (row >= rows) return;
  float x = to_float(a[(size_t)row * a_stride + column]);
  const float y = operation ? to_float(b[(size_t)(row / share) * b_stride + column]) : 0.0f;
  if (operation == 1) x += y;
  if (operation == 2) x *= y;
  x = activate(x, activation);
  if (operation == 3) x += y;
  from_float(x, out[(size_t)row * out_stride + column]);
}

template <typename T>
DEVICE void affine(const T *in, int in_stride, const float *scale, const float *shift, T *out,
                   int out_stride, int rows, int width, int activation) {
  const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int row = (int)(index / width), column = (int)(index % width);
  if (row >= rows) return;
  const float x = to_float(in[(size_t)row * in_stride + column]) * scale[column] + shift[column];
  from_float(activate(x, activation), out[(size_t)row * out_stride + column]);
}

/// A warp a row; the second sum avoids the cancellation of E[x²] - E[x]².
template <typename T>
DEVICE void norm_rows(const T *in, int in_stride, const float *weight, const float *bias,
                      float epsilon, T *out, int out_stride, int rows, int width) {
  const int row = blockIdx.x * (blockDim.x >> 5) + warp_index();
  if (row >= rows) return;
  const T *x = in + (size_t)row * in_stride;
  float sum = 0, squares = 0;
  for (int i = lane_index(); i < width; i += 32) sum += to_float(x[i]);
  const float mean = warp_sum(sum) / (float)width;
  for (int i = lane_index(); i < width; i += 32) {
    const float d = to_float(x[i]) - mean;
    squares += d * d;
  }
  const float inverse = 1.0f / sqrtf(warp_sum(squares) / (float)width + epsilon);
  T *to = out + (size_t)row * out_stride;
  for (int i = lane_index(); i < width; i += 32)
    from_float((to_float(x[i]) - mean) * inverse * weight[i] + bias[i], to[i]);
}

// MARK: Pooling

/// A thread a number: the largest under the window, or the mean.
template <typename T>
DEVICE void pool(const T *in, T *out, int pixels, int is_maximum, int counts_padding,
                 const Picture p) {
  const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int pixel = (int)(index / p.channels), channel = (int)(index % p.channels);
  if (pixel >= pixels) return;
  const Window window(p, pixel);
  float maximum = NEGATIVE_INFINITY, sum = 0;
  int count = 0;
  for (int tap = 0; tap < p.kernel * p.kernel; tap++) {
    const long long at = window.tap(p, tap);
    if (at < 0) continue;
    const float x = to_float(in[at + channel]);
    // NaN stays.
    maximum = x > maximum || x != x ? x : maximum;
    sum += x;
    count++;
  }
  // Padding ends where PyTorch's does: not beyond the padded picture.
  if (counts_padding) {
    const int bottom = min(window.top + p.kernel, p.height + p.padding);
    const int right = min(window.left + p.kernel, p.width + p.padding);
    count = (bottom - window.top) * (right - window.left);
  }
  from_float(is_maximum ? maximum : sum / (float)count, out[p.out_pixel(pixel) + channel]);
}

/// One block: 32 channels of an image, eight pixels at a time, summed in a fixed order.
template <typename T>
DEVICE void pool_all(const T *in, int pixel_stride, int image_stride, int pixels, int channels,
                     T *out, int out_stride) {
  float *sums = (float *)shared_memory();
  const int channel = blockIdx.x * 32 + lane_index();
  const T *x = in + (size_t)blockIdx.y * image_stride;
  float sum = 0;
  if (channel < channels)
    for (int i = warp_index(); i < pixels; i += 8)
      sum += to_float(x[(size_t)i * pixel_stride + channel]);
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (warp_index() > 0 || channel >= channels) return;
  for (int i = 1; i < 8; i++) sum += sums[i * 32 + lane_index()];
  from_float(sum / (float)pixels, out[(size_t)blockIdx.y * out_stride + channel]);
}

// MARK: Moving rows

/// A thread a number: pixels as they are, and zeros where the output goes beyond the input.
template <typename T>
DEVICE void copy_pixels(const T *in, T *out, int pixels, const Picture p) {
  const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int pixel = (int)(index / p.channels), channel = (int)(index % p.channels);
  if (pixel >= pixels) return;
  const Window window(p, pixel);
  const long long at = window.tap(p, 0);
  T zero;
  from_float(0.0f, zero);
  out[p.out_pixel(pixel) + channel] = at < 0 ? zero : in[at + channel];
}

template <typename T>
DEVICE void gather_rows(const T *in, int in_stride, int rows_in, const int *indices, T *out,
                        int out_stride, int rows_out, int rows, int width) {
  const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int row = (int)(index / width), column = (int)(index % width);
  if (row >= rows) return;
  const size_t from = (size_t)(row / rows_out) * rows_in + indices[row];
  out[(size_t)row * out_stride + column] = in[from * in_stride + column];
}

/// Rows [channel][y][x] of the patches of images [B, 3, S, S].
template <typename T>
DEVICE void unfold(const float *images, T *out, int out_stride, int rows, int side, int patch) {
  const int width = 3 * patch * patch;
  const size_t index = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  const int row = (int)(index / width), column = (int)(index % width);
  if (row >= rows) return;
  const int across = side / patch, image = row / (across * across), place = row % (across * across);
  const int channel = column / (patch * patch), inside = column % (patch * patch);
  const int y = place / across * patch + inside / patch,
            x = place % across * patch + inside % patch;
  from_float(images[(((size_t)image * 3 + channel) * side + y) * side + x],
             out[(size_t)row * out_stride + column]);
}

#define PICTURES(T, S)                                                                        \
  KERNEL(combine##S, 256)                                                                     \
  (const T *a, int a_stride, const T *b, int b_stride, int share, T *out, int out_stride,     \
   int rows, int columns, int operation, int activation) {                                    \
    combine<T>(a, a_stride, b, b_stride, share, out, out_stride, rows, columns, operation,    \
               activation);                                                                   \
  }                                                                                           \
  KERNEL(affine##S, 256)                                                                      \
  (const T *in, int in_stride, const float *scale, const float *shift, T *out,                \
   int out_stride, int rows, int columns, int activation) {                                   \
    affine<T>(in, in_stride, scale, shift, out, out_stride, rows, columns, activation);       \
  }                                                                                           \
  KERNEL(norm_rows##S, 128)                                                                   \
  (const T *in, int in_stride, const float *weight, const float *bias, float epsilon, T *out, \
   int out_stride, int rows, int columns) {                                                   \
    norm_rows<T>(in, in_stride, weight, bias, epsilon, out, out_stride, rows, columns);       \
  }                                                                                           \
  KERNEL(pool##S, 256)                                                                        \
  (const T *in, T *out, int pixels, int is_maximum, int counts_padding, PICTURE_PARAMETERS) { \
    pool<T>(in, out, pixels, is_maximum, counts_padding, PICTURE);                            \
  }                                                                                           \
  KERNEL(copy_pixels##S, 256)                                                                 \
  (const T *in, T *out, int pixels, PICTURE_PARAMETERS) {                                     \
    copy_pixels<T>(in, out, pixels, PICTURE);                                                 \
  }                                                                                           \
  KERNEL(pool_all##S, 256)                                                                    \
  (const T *in, int pixel_stride, int image_stride, int pixels, int channels, T *out,         \
   int out_stride) {                                                                          \
    pool_all<T>(in, pixel_stride, image_stride, pixels, channels, out, out_stride);           \
  }                                                                                           \
  KERNEL(gather_rows##S, 256)                                                                 \
  (const T *in, int in_stride, int rows_in, const int *indices, T *out, int out_stride,       \
   int rows_out, int rows, int columns) {                                                     \
    gather_rows<T>(in, in_stride, rows_in, indices, out, out_stride, rows_out, rows, columns);\
  }                                                                                           \
  KERNEL(unfold##S, 256)                                                                      \
  (const float *images, T *out, int out_stride, int rows, int side, int patch) {              \
    unfold<T>(images, out, out_stride, rows, side, patch);                                    \
  }
FOR_TYPES(PICTURES)
