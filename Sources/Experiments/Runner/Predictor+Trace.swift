import ImageCoding
import VisionModels

/// The trace of one image file through a model.
package struct TracedImage {
  /// The 8-bit pixels of the model's input, before normalization.
  package let input: RGBImage
  package let trace: TokenTrace
}

extension Predictor {
  /// Traces the patches of an image file, preprocessed for the model.
  ///
  /// - Throws: `ImageError`, `LogitsNotFinite`, and those of weights.
  package func trace(file: String) throws -> TracedImage {
    let preprocessing = model.choice.entry.preprocessing
    // Before the weights are read, so that a missing image is reported at once.
    let image = try ImageDecoder.withShared { try $0.decode(path: file) }
    let pass = try makePass(batchSize: 1)
    preprocessing.apply(to: image, into: pass.input)
    let trace = withUnsafePointer(to: UInt64(0)) { pass.runTracing(imageKeys: $0) }
    try check(pass) { _ in file }
    return TracedImage(input: preprocessing.cropped(image), trace: trace)
  }
}
