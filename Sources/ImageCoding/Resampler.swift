import CKernels
import Records

/// Resizes, crops and normalizes, keeping the weights and buffers of the last call for the next.
final class Resampler {
  private var scratch = ByteBuffer()
  private var cropped = ByteBuffer()
  private var horizontal = Axis()
  private var vertical = Axis()
  private var normalization: PixelNormalization?

  /// Shapes: output `[3][crop][crop]`.
  func apply(
    _ preprocessing: Preprocessing, to image: RGBImage,
    into output: UnsafeMutableBufferPointer<Float>
  ) {
    withView(of: image) { apply(preprocessing, to: $0, into: output) }
  }

  /// Shapes: output `[3][crop][crop]`.
  func apply(
    _ preprocessing: Preprocessing, to image: PixelView,
    into output: UnsafeMutableBufferPointer<Float>
  ) {
    crop(preprocessing, of: image)
    let known = normalization?.preprocessing == preprocessing ? normalization : nil
    let normalization = known ?? PixelNormalization(preprocessing)
    self.normalization = normalization
    normalization.apply(
      to: UnsafeBufferPointer(start: cropped.start, count: preprocessing.elementCount), into: output
    )
  }

  /// The 8-bit pixels before normalization.
  ///
  /// Shapes: output `[crop][crop][3]`.
  func crop(
    _ preprocessing: Preprocessing, of image: PixelView,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    precondition(output.count >= preprocessing.elementCount, "The output has no room.")
    crop(preprocessing, of: image)
    output.baseAddress?.update(from: cropped.start, count: preprocessing.elementCount)
  }

  /// Shapes: output `[crop][crop][3]`.
  func crop(
    _ preprocessing: Preprocessing, of image: RGBImage,
    into output: UnsafeMutableBufferPointer<UInt8>
  ) {
    withView(of: image) { crop(preprocessing, of: $0, into: output) }
  }

  /// The 8-bit pixels before normalization.
  func crop(_ preprocessing: Preprocessing, of image: RGBImage) -> RGBImage {
    withView(of: image) { crop(preprocessing, of: $0) }
    return PixelView(
      start: cropped.start, width: preprocessing.crop, height: preprocessing.crop
    ).copied()
  }

  private func crop(_ preprocessing: Preprocessing, of image: PixelView) {
    precondition(
      0 < preprocessing.crop && preprocessing.crop <= preprocessing.resize,
      "A crop of \(preprocessing.crop) does not fit into \(preprocessing.resize).")
    let size = preprocessing.resizedSize(width: image.width, height: image.height)
    horizontal.prepare(preprocessing, from: image.width, to: size.width)
    vertical.prepare(preprocessing, from: image.height, to: size.height)
    cropped.reserve(preprocessing.elementCount)
    // Pillow 13's choice, on which the rounding between the passes depends (Resample.c).
    let shrinkage = (width: image.width - size.width, height: image.height - size.height)
    let rowsFirst: Int32 =
      shrinkage.height > 0 && shrinkage.height > 2 * shrinkage.width ? 1 : 0
    scratch.reserve(
      lab_resize_scratch_bytes(&horizontal.weights, &vertical.weights, rowsFirst))
    lab_resize_rgb(
      image.start, 3 * image.width, &horizontal.weights, &vertical.weights, rowsFirst,
      scratch.start, cropped.start)
  }

  private func withView(of image: RGBImage, _ body: (PixelView) -> Void) {
    image.pixels.withUnsafeBufferPointer { pixels in
      guard let start = pixels.baseAddress else { return }
      body(PixelView(start: start, width: image.width, height: image.height))
    }
  }
}

/// The weights of one axis, recomputed only if a size changes.
private struct Axis: ~Copyable {
  private struct Key: Equatable {
    let preprocessing: Preprocessing
    let input: Int
    let output: Int
  }

  private var key: Key?
  var weights = lab_resize_axis()

  mutating func prepare(_ preprocessing: Preprocessing, from input: Int, to output: Int) {
    let wanted = Key(preprocessing: preprocessing, input: input, output: output)
    guard key != wanted else { return }
    lab_resize_axis_free(&weights)
    let filter =
      preprocessing.interpolation == .bicubic ? LAB_FILTER_BICUBIC : LAB_FILTER_BILINEAR
    let failed = lab_resize_axis_make(
      &weights, Int32(input), Int32(output),
      Int32(preprocessing.cropOffset(length: output)), Int32(preprocessing.crop),
      Int32(filter))
    precondition(failed == 0, "There is no memory for the weights of a resize.")
    key = wanted
  }

  deinit {
    var freed = weights
    lab_resize_axis_free(&freed)
  }
}
