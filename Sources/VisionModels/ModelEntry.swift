import Records
import TokenReduction

/// A model that a spec can name.
package struct ModelEntry: Sendable {
  /// The name in timm.
  package let name: String
  /// The name in tables: `DeiT-S`.
  package let displayName: String
  package let architecture: any ModelArchitecture
  /// The preprocessing of its images.
  package let preprocessing: Preprocessing
  /// Paper or checkpoint page.
  package let source: String
  /// Names of the classes in their order, where a configuration gives them; else empty.
  package let classNames: [String]

  package init(
    name: String, displayName: String, architecture: any ModelArchitecture,
    preprocessing: Preprocessing, source: String, classNames: [String] = []
  ) {
    self.name = name
    self.displayName = displayName
    self.architecture = architecture
    self.preprocessing = preprocessing
    self.source = source
    self.classNames = classNames
  }
}

extension ModelEntry {
  /// What a program needs to know about the model without its weights.
  package var info: ModelInfo { architecture.info }

  /// A method with every default filled in, and its composition for this model.
  ///
  /// - Throws: The first `ParameterProblem`, `VisionModelsError.noTokens`, `.noClassToken` or
  ///   `.poolsPadding`.
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
    guard !architecture.poolsPatches || !resolved.composition.padsImages else {
      throw VisionModelsError.poolsPadding(model: name, method: method.name)
    }
    return resolved
  }

  /// The composition of a method for this model.
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

extension Preprocessing {
  /// timm's evaluation with ImageNet's mean and standard deviation.
  package static func imageNet(
    crop: Int, fraction: Double, fractionAtOtherSizes: Double? = nil
  ) -> Preprocessing {
    timm(size: crop, cropFraction: fraction, fractionAtOtherSizes: fractionAtOtherSizes)
  }

  /// timm's evaluation of the augreg models: mean and standard deviation of 0.5.
  package static func inception(crop: Int, fraction: Double) -> Preprocessing {
    timm(size: crop, cropFraction: fraction, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
  }
}
