/// How a picture becomes a model's input: resize, crop the center, normalize.
///
/// The pixels equal those of torchvision's `Resize`, `CenterCrop`, `ToTensor` and `Normalize` on a
/// Pillow image, whose resampling is antialiased and rounds to 8 bits between and after the passes.
package struct Preprocessing: Sendable, Hashable, Codable {
  /// The filter of the resize.
  package enum Interpolation: String, Sendable, Codable, CaseIterable {
    case bilinear
    case bicubic
  }

  /// What `resize` measures.
  package enum Fit: String, Sendable, Codable, CaseIterable {
    /// The shorter side; the longer one keeps the proportion, truncated as torchvision does.
    case shorterSide = "shorter_side"
    /// Both sides, whatever the proportion.
    case bothSides = "both_sides"
  }

  /// Pixels of the resized picture's shorter side, or of both.
  package let resize: Int
  /// Pixels of the side of the central square that is kept; at most `resize`.
  package let crop: Int
  package let interpolation: Interpolation
  package let fit: Fit
  /// Per channel, of values in 0...1.
  package let mean: [Float]
  /// Per channel, of values in 0...1.
  package let std: [Float]

  /// The mean of ImageNet's training pixels.
  package static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
  /// The standard deviation of ImageNet's training pixels.
  package static let imageNetStd: [Float] = [0.229, 0.224, 0.225]

  /// A preprocessing of the given sizes.
  ///
  /// Edge cases: `0 < crop <= resize`, three means and three positive deviations, or it is a
  /// programming error.
  package init(
    resize: Int, crop: Int, interpolation: Interpolation = .bicubic, fit: Fit = .shorterSide,
    mean: [Float] = Preprocessing.imageNetMean, std: [Float] = Preprocessing.imageNetStd
  ) {
    precondition(0 < crop && crop <= resize, "A crop of \(crop) does not fit into \(resize).")
    precondition(mean.count == 3 && std.count == 3, "Mean and deviation have three channels.")
    precondition(std.allSatisfy { $0 > 0 }, "A standard deviation is above zero.")
    self.resize = resize
    self.crop = crop
    self.interpolation = interpolation
    self.fit = fit
    self.mean = mean
    self.std = std
  }

  /// timm's evaluation transform: the shorter side becomes `floor(size / cropFraction)`.
  ///
  /// Source: `transforms_imagenet_eval` of timm 1.0.
  package static func timm(
    size: Int, cropFraction: Double, interpolation: Interpolation = .bicubic,
    mean: [Float] = Preprocessing.imageNetMean, std: [Float] = Preprocessing.imageNetStd
  ) -> Preprocessing {
    precondition(cropFraction > 0 && cropFraction <= 1, "A crop fraction lies in (0, 1].")
    return Preprocessing(
      resize: Int((Double(size) / cropFraction).rounded(.down)), crop: size,
      interpolation: interpolation, mean: mean, std: std)
  }

  /// Everything that determines the pixels, in words.
  package var text: String {
    let resized = fit == .shorterSide ? "\(resize) (shorter side)" : "\(resize)x\(resize)"
    let numbers = { (values: [Float]) in values.map(\.description).joined(separator: "/") }
    return "resize \(resized) \(interpolation.rawValue) antialiased, center crop \(crop), "
      + "mean \(numbers(mean)), std \(numbers(std))"
  }

  /// Numbers of one picture: `3 * crop * crop`.
  package var elementCount: Int { 3 * crop * crop }

  /// Resizes, crops and normalizes `image`.
  ///
  /// Shapes: output `[3][crop][crop]`.
  package func apply(
    to image: RGBImage, into output: UnsafeMutableBufferPointer<Float>
  ) {
    ImageDecoder.withShared { $0.resampler.apply(self, to: image, into: output) }
  }

  /// The 8-bit pixels before normalization, `[crop][crop][3]`.
  package func cropped(_ image: RGBImage) -> RGBImage {
    ImageDecoder.withShared { $0.resampler.crop(self, of: image) }
  }

  /// Resizes and crops `image`; `PixelNormalization` does the rest.
  ///
  /// Shapes: output `[crop][crop][3]`.
  package func crop(_ image: RGBImage, into output: UnsafeMutableBufferPointer<UInt8>) {
    ImageDecoder.withShared { $0.resampler.crop(self, of: image, into: output) }
  }

  /// Width and height after the resize, before the crop.
  package func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
    switch fit {
    case .bothSides: (resize, resize)
    case .shorterSide:
      width <= height
        ? (resize, resize * height / width) : (resize * width / height, resize)
    }
  }

  /// Where a crop begins on a side of `length` pixels: the half of what is left over, a half
  /// pixel rounded to even, as Python's `round` does in torchvision's `center_crop`.
  func cropOffset(length: Int) -> Int {
    Int((Double(length - crop) / 2).rounded(.toNearestOrEven))
  }
}
