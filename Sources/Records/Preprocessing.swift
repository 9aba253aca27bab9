/// How an image becomes a model's input: resize, center crop, normalize.
///
/// A plain value: `ImageCoding` applies it and requires possible values.
package struct Preprocessing: Sendable, Hashable, Codable {
  /// The filter of the resize.
  package enum Interpolation: String, Sendable, Codable, CaseIterable {
    case bicubic
    case bilinear
  }

  /// The meaning of `resize`.
  package enum Fit: String, Sendable, Codable, CaseIterable {
    /// The shorter side; the longer one keeps the proportion, truncated as torchvision does.
    case shorterSide = "shorter_side"
    /// Both sides, regardless of the aspect ratio: timm's `squash`.
    case bothSides = "both_sides"
  }

  /// The size of the resized image's shorter side, or of both sides, in pixels.
  package let resize: Int
  /// Pixels of the side of the central square that is kept, the model's image size; at most
  /// `resize`.
  package let crop: Int
  package let interpolation: Interpolation
  package let fit: Fit
  /// Per channel, of values in 0...1.
  package let mean: [Float]
  /// Per channel, of values in 0...1.
  package let std: [Float]
  /// The crop's share of the resized side at other image sizes: timm's `crop_pct`.
  package let cropFraction: Double

  /// The mean of ImageNet's training pixels.
  package static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
  /// The standard deviation of ImageNet's training pixels.
  package static let imageNetStd: [Float] = [0.229, 0.224, 0.225]

  /// A preprocessing of the given sizes.
  ///
  /// - Parameter cropFraction: By default, that of the given sizes.
  package init(
    resize: Int, crop: Int, interpolation: Interpolation = .bicubic, fit: Fit = .shorterSide,
    mean: [Float] = Preprocessing.imageNetMean, std: [Float] = Preprocessing.imageNetStd,
    cropFraction: Double? = nil
  ) {
    self.resize = resize
    self.crop = crop
    self.interpolation = interpolation
    self.fit = fit
    self.mean = mean
    self.std = std
    self.cropFraction = cropFraction ?? Double(crop) / Double(resize)
  }

  /// timm's evaluation transform: the shorter side becomes `floor(size / cropFraction)`.
  ///
  /// Source: `transforms_imagenet_eval` of timm 1.0.
  package static func timm(
    size: Int, cropFraction: Double, interpolation: Interpolation = .bicubic,
    mean: [Float] = Preprocessing.imageNetMean, std: [Float] = Preprocessing.imageNetStd,
    fractionAtOtherSizes: Double? = nil
  ) -> Preprocessing {
    precondition(cropFraction > 0 && cropFraction <= 1, "A crop fraction lies in (0, 1].")
    return Preprocessing(
      resize: Int((Double(size) / cropFraction).rounded(.down)), crop: size,
      interpolation: interpolation, mean: mean, std: std,
      cropFraction: fractionAtOtherSizes ?? cropFraction)
  }

  /// The same for another image size, as timm's `--img-size`: mean, standard deviation,
  /// interpolation and crop fraction stay.
  package func resized(to size: Int) -> Preprocessing {
    guard size != crop else { return self }
    return Preprocessing(
      resize: Int(Double(size) / cropFraction), crop: size, interpolation: interpolation, fit: fit,
      mean: mean, std: std, cropFraction: cropFraction)
  }

  /// Everything that determines the pixels, as text.
  package var text: String {
    let resized = fit == .shorterSide ? "\(resize) (shorter side)" : "\(resize)x\(resize)"
    let numbers = { (values: [Float]) in values.map(\.description).joined(separator: "/") }
    return "resize \(resized) \(interpolation.rawValue) antialiased, center crop \(crop), "
      + "mean \(numbers(mean)), std \(numbers(std))"
  }

  /// Floats of one picture: `3 * crop * crop`.
  package var elementCount: Int { 3 * crop * crop }
}
