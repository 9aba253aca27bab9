import CKernels

/// Resize, crop and normalisation, with the weights and buffers of the last call kept for the next.
final class Resampler {
  private var scratch = ByteBuffer()
  private var cropped = ByteBuffer()
  private var horizontal = Axis()
  private var vertical = Axis()
  private var table = [Float](repeating: 0, count: 3 * 256)
  private var tableKey: [Float] = []

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
    guard let floats = output.baseAddress, output.count >= preprocessing.elementCount else {
      preconditionFailure("The output has no room for \(preprocessing.elementCount) floats.")
    }
    crop(preprocessing, of: image)
    prepareTable(mean: preprocessing.mean, std: preprocessing.std)
    lab_normalise_rgb(cropped.start, preprocessing.crop * preprocessing.crop, table, floats)
  }

  /// The 8-bit pixels before normalisation.
  func crop(_ preprocessing: Preprocessing, of image: RGBImage) -> RGBImage {
    withView(of: image) { crop(preprocessing, of: $0) }
    return PixelView(
      start: cropped.start, width: preprocessing.crop, height: preprocessing.crop
    ).copied()
  }

  private func crop(_ preprocessing: Preprocessing, of image: PixelView) {
    let size = preprocessing.resizedSize(width: image.width, height: image.height)
    horizontal.prepare(preprocessing, from: image.width, to: size.width)
    vertical.prepare(preprocessing, from: image.height, to: size.height)
    cropped.reserve(preprocessing.elementCount)
    scratch.reserve(lab_resize_scratch_bytes(&horizontal.weights, &vertical.weights))
    lab_resize_rgb(
      image.start, 3 * image.width, &horizontal.weights, &vertical.weights, scratch.start,
      cropped.start)
  }

  private func withView(of image: RGBImage, _ body: (PixelView) -> Void) {
    image.pixels.withUnsafeBufferPointer { pixels in
      guard let start = pixels.baseAddress else { return }
      body(PixelView(start: start, width: image.width, height: image.height))
    }
  }

  /// `(value / 255 - mean) / std` in single precision, in the order of torchvision's operations.
  private func prepareTable(mean: [Float], std: [Float]) {
    guard tableKey != mean + std else { return }
    tableKey = mean + std
    for channel in 0..<3 {
      for value in 0..<256 {
        table[256 * channel + value] = (Float(value) / 255 - mean[channel]) / std[channel]
      }
    }
  }
}

/// The weights of one axis, made again only when a size changes.
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
