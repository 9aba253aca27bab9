import Records
import TokenReduction

/// The trials of a tail-effect search: the model on n randomly kept tokens, for every n of the
/// grid.
enum SearchGrid {
  /// The method whose records at many r are a grid.
  static let methodName = RandomRemoval.name

  /// The method that keeps `tokens` of the geometry's tokens, prefix included.
  static func method(tokens: Int, seed: Int, _ geometry: TokenGeometry) -> MethodSetting {
    MethodSetting(
      name: RandomRemoval.name,
      parameters: ["r": .integer(geometry.tokens - tokens), "seed": .integer(seed)])
  }

  /// The method whose accuracy stands for `tokens`: without removal that is the baseline's, which
  /// is measured anyway.
  static func accuracyMethod(tokens: Int, seed: Int, _ geometry: TokenGeometry) -> MethodSetting {
    tokens == geometry.tokens
      ? MethodSetting(name: NoReduction.name, parameters: [:])
      : method(tokens: tokens, seed: seed, geometry)
  }
}
