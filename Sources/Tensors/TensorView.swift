/// Rows of a tensor, `stride` elements apart: the whole last axis, or a range of it.
///
/// Reading a range splits a tensor, and writing a range concatenates, without copying.
package struct TensorView {
  package let tensor: Tensor
  /// Elements from the start of the tensor to the first row.
  package let offset: Int
  package let rows: Int
  /// Elements of a row.
  package let width: Int
  /// Elements from one row to the next.
  package let stride: Int

  package init(_ tensor: Tensor, offset: Int, rows: Int, width: Int, stride: Int) {
    assert(
      rows == 0 || offset + (rows - 1) * stride + width <= tensor.capacity,
      "a view past the end of its tensor")
    self.tensor = tensor
    self.offset = offset
    self.rows = rows
    self.width = width
    self.stride = stride
  }

  /// The whole tensor, with its last axis as rows.
  package init(_ tensor: Tensor) {
    let width = tensor.shape[tensor.shape.rank - 1]
    self.init(
      tensor, offset: 0, rows: tensor.shape.count / max(1, width), width: width, stride: width)
  }

  /// Some elements of every row.
  package func columns(_ range: Range<Int>) -> TensorView {
    TensorView(
      tensor, offset: offset + range.lowerBound, rows: rows, width: range.count, stride: stride)
  }

  /// Some of the rows.
  package func rows(_ range: Range<Int>) -> TensorView {
    TensorView(
      tensor, offset: offset + range.lowerBound * stride, rows: range.count, width: width,
      stride: stride)
  }

  package var count: Int { rows * width }
  /// Bytes that reading all of it reads.
  package var bytes: Int { count * tensor.dtype.byteCount }

  /// The first row, on a device whose memory the processor can read.
  package var floats: UnsafeMutablePointer<Float> { tensor.floats + offset }
}

/// A feature map, NHWC: [B, height, width, channels], possibly a range of the channels of a wider
/// tensor.
package struct FeatureMap {
  package let tensor: Tensor
  /// Elements from the start of the tensor to the first pixel.
  package let offset: Int
  package let batch: Int
  package let height: Int
  package let width: Int
  package let channels: Int
  /// Elements from one pixel to the next.
  package let pixelStride: Int
  /// Elements from one image to the next.
  package let imageStride: Int

  package init(
    _ tensor: Tensor, offset: Int = 0, batch: Int, height: Int, width: Int, channels: Int,
    pixelStride: Int? = nil, imageStride: Int? = nil
  ) {
    self.tensor = tensor
    self.offset = offset
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
    self.pixelStride = pixelStride ?? channels
    self.imageStride = imageStride ?? height * width * self.pixelStride
    assert(
      batch == 0
        || offset + (batch - 1) * self.imageStride + (height * width - 1) * self.pixelStride
          + channels <= tensor.capacity,
      "a feature map past the end of its tensor")
  }

  /// A tensor [B, height, width, channels].
  package init(_ tensor: Tensor) {
    let shape = tensor.shape
    precondition(shape.rank == 4, "a feature map is [B, height, width, channels], not \(shape)")
    self.init(tensor, batch: shape[0], height: shape[1], width: shape[2], channels: shape[3])
  }

  /// Some of the channels.
  package func channels(_ range: Range<Int>) -> FeatureMap {
    FeatureMap(
      tensor, offset: offset + range.lowerBound, batch: batch, height: height, width: width,
      channels: range.count, pixelStride: pixelStride, imageStride: imageStride)
  }

  /// The pixels of all images as rows.
  package var rows: TensorView {
    precondition(
      batch == 1 || imageStride == height * width * pixelStride,
      "images with gaps between them are not rows")
    return TensorView(
      tensor, offset: offset, rows: batch * height * width, width: channels, stride: pixelStride)
  }

  package var pixels: Int { height * width }
  package var count: Int { batch * pixels * channels }
  package var bytes: Int { count * tensor.dtype.byteCount }

  /// The first pixel, on a device whose memory the processor can read.
  package var floats: UnsafeMutablePointer<Float> { tensor.floats + offset }
}

/// Queries, keys or values of all heads: for every token of every image a row of `headDim` for each
/// head.
package struct HeadView {
  package let tensor: Tensor
  /// Elements from the start of the tensor to the first token's first head.
  package let offset: Int
  package let batch: Int
  package let tokens: Int
  package let heads: Int
  package let headDim: Int
  package let headStride: Int
  package let tokenStride: Int

  package init(
    _ tensor: Tensor, offset: Int = 0, batch: Int, tokens: Int, heads: Int, headDim: Int,
    headStride: Int? = nil, tokenStride: Int? = nil
  ) {
    self.tensor = tensor
    self.offset = offset
    self.batch = batch
    self.tokens = tokens
    self.heads = heads
    self.headDim = headDim
    self.headStride = headStride ?? headDim
    self.tokenStride = tokenStride ?? heads * self.headStride
  }

  /// One third of fused rows [B, N, 3C] = [Q heads | K heads | V heads].
  package init(_ qkv: Tensor, part: AttentionFeature, heads: Int) {
    let width = qkv.shape[2] / 3
    self.init(
      qkv, offset: part.rawValue * width, batch: qkv.shape[0], tokens: qkv.shape[1], heads: heads,
      headDim: width / heads, tokenStride: 3 * width)
  }

  package var count: Int { batch * tokens * heads * headDim }
  package var bytes: Int { count * tensor.dtype.byteCount }
  /// The first row, on a device whose memory the processor can read.
  package var floats: UnsafeMutablePointer<Float> { tensor.floats + offset }

  /// Elements from the first to a token's row of a head.
  @inline(__always)
  package func position(_ image: Int, _ token: Int, _ head: Int) -> Int {
    (image * tokens + token) * tokenStride + head * headStride
  }
}
