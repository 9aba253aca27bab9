import CKernels
import Records

/// Converts 8-bit pixels to a model's input: the last step of a ``Preprocessing``.
///
/// Images are queued as 8-bit pixels, a quarter of the memory of their floats.
package struct PixelNormalization: Sendable {
  package let preprocessing: Preprocessing
  /// `[3][256]`: the normalized value of each pixel value, by channel.
  package let table: [Float]

  /// - Parameter preprocessing: Three means and three positive standard deviations, or it is a
  ///   programming error.
  package init(_ preprocessing: Preprocessing) {
    precondition(
      preprocessing.mean.count == 3 && preprocessing.std.count == 3,
      "Mean and standard deviation have three channels.")
    precondition(
      preprocessing.std.allSatisfy { $0 > 0 }, "A standard deviation is above zero.")
    self.preprocessing = preprocessing
    // In single precision and in the order of torchvision's `ToTensor` and `Normalize`.
    table = (0..<(3 * 256)).map { index in
      let (channel, value) = (index / 256, index % 256)
      return (Float(value) / 255 - preprocessing.mean[channel]) / preprocessing.std[channel]
    }
  }

  /// Normalizes whole images.
  ///
  /// Shapes: pixels `[count][crop][crop][3]`, output `[count][3][crop][crop]`.
  package func apply(
    to pixels: UnsafeBufferPointer<UInt8>, into output: UnsafeMutableBufferPointer<Float>
  ) {
    let size = preprocessing.elementCount
    precondition(pixels.count % size == 0, "The pixels are no whole pictures.")
    precondition(output.count >= pixels.count, "The output has no room for \(pixels.count) floats.")
    guard let source = pixels.baseAddress, let floats = output.baseAddress else { return }
    for start in stride(from: 0, to: pixels.count, by: size) {
      lab_normalize_rgb(source + start, size / 3, table, floats + start)
    }
  }
}
