import Records
import TokenReduction

/// A model that a spec can name.
package struct ModelEntry: Sendable {
  /// As in timm.
  package let name: String
  /// As in a table: `DeiT-S`.
  package let displayName: String
  package let architecture: any ModelArchitecture
  package let preprocessing: ModelPreprocessing
  /// Paper or checkpoint page.
  package let source: String

  package init(
    name: String, displayName: String, architecture: any ModelArchitecture,
    preprocessing: ModelPreprocessing, source: String
  ) {
    self.name = name
    self.displayName = displayName
    self.architecture = architecture
    self.preprocessing = preprocessing
    self.source = source
  }
}

extension ModelEntry {
  /// What a program needs to know without the weights.
  package var info: ModelInfo { architecture.info }

  /// A method with every default filled in, and its composition for this model.
  ///
  /// - Throws: The first `ParameterProblem`, `VisionModelsError.noTokens` or `.noClassToken`.
  package func resolved(
    _ method: any TokenReductionMethod.Type, _ parameters: [String: JSONValue]
  ) throws -> TokenReductionRegistry.Resolved {
    guard
      let geometry = info.geometry ?? (method.name == NoReduction.name ? TokenGeometry.none : nil)
    else { throw VisionModelsError.noTokens(model: name) }
    let resolved = try TokenReductionRegistry.resolved(
      method, parameters: parameters, geometry: geometry)
    guard architecture.hasClassToken || !resolved.composition.readsClassToken else {
      throw VisionModelsError.noClassToken(model: name, method: method.name)
    }
    return resolved
  }

  /// The composition that a method means for this model.
  ///
  /// - Throws: `TokenReductionError`, or a `ParameterProblem`.
  package func composition(for setting: MethodSetting) throws -> Composition {
    guard let method = TokenReductionRegistry.method(named: setting.name) else {
      throw TokenReductionError.unknownMethod(
        name: setting.name, known: TokenReductionRegistry.all.map { $0.name })
    }
    return try resolved(method, setting.parameters).composition
  }
}

/// How a model wants its images.
package struct ModelPreprocessing: Hashable, Sendable {
  package enum Interpolation: String, CaseIterable, Sendable { case bicubic, bilinear }

  /// What `resize` measures.
  package enum Fit: Sendable {
    case shorterSide
    /// Both sides, whatever the proportion: timm's `squash`.
    case bothSides
  }

  /// The shorter side after resizing; `nil` takes images as they are, and they must have the
  /// model's size.
  package let resize: Int?
  /// Side of the center crop: the model's image size.
  package let crop: Int
  package let interpolation: Interpolation
  package let fit: Fit
  /// Per channel, of values in 0 … 1.
  package let mean: [Float]
  package let deviation: [Float]
  /// The crop's share of the resized side at other image sizes: timm's `crop_pct`.
  package let cropFraction: Double

  /// - Parameter cropFraction: The sizes' own where it is not given.
  package init(
    resize: Int?, crop: Int, interpolation: Interpolation = .bicubic, fit: Fit = .shorterSide,
    mean: [Float], deviation: [Float], cropFraction: Double? = nil
  ) {
    self.cropFraction = cropFraction ?? resize.map { Double(crop) / Double($0) } ?? 1
    self.resize = resize
    self.crop = crop
    self.interpolation = interpolation
    self.fit = fit
    self.mean = mean
    self.deviation = deviation
  }

  package static let imageNetMean: [Float] = [0.485, 0.456, 0.406]
  package static let imageNetDeviation: [Float] = [0.229, 0.224, 0.225]

  /// timm's evaluation: the shorter side to `⌊crop / fraction⌋`, ImageNet's mean and deviation.
  package static func imageNet(
    crop: Int, fraction: Double, fractionAtOtherSizes: Double? = nil
  ) -> ModelPreprocessing {
    ModelPreprocessing(
      resize: Int(Double(crop) / fraction), crop: crop, mean: imageNetMean,
      deviation: imageNetDeviation, cropFraction: fractionAtOtherSizes ?? fraction)
  }

  /// timm's evaluation of the augreg models: mean and deviation of 0.5.
  package static func inception(crop: Int, fraction: Double) -> ModelPreprocessing {
    ModelPreprocessing(
      resize: Int(Double(crop) / fraction), crop: crop, mean: [0.5, 0.5, 0.5],
      deviation: [0.5, 0.5, 0.5], cropFraction: fraction)
  }

  /// The same for another image size, as timm's `--img-size`: mean, deviation, interpolation and
  /// crop fraction stay.
  package func resized(to size: Int) -> ModelPreprocessing {
    guard size != crop else { return self }
    return ModelPreprocessing(
      resize: resize == nil ? nil : Int(Double(size) / cropFraction), crop: size,
      interpolation: interpolation, fit: fit, mean: mean, deviation: deviation,
      cropFraction: cropFraction)
  }
}
