import Records
import TokenReduction

/// The trials of a tail-effect search: the model on n randomly kept tokens, for every n of the
/// grid.
enum SearchGrid {
  /// The method whose records at many values of r form a grid.
  static let methodName = RandomRemoval.name

  /// Whether a method is a point of a grid: random removal before the first block.
  static func isPoint(_ method: MethodSetting) -> Bool {
    method.name == methodName && method.parameters[Schedule.tokens.name] == nil
      && method.parameters["schedule"] == nil
  }

  /// The setting that keeps `tokens` of the geometry's tokens, prefix included.
  static func setting(tokens: Int, seed: Int, _ geometry: TokenGeometry) -> MethodSetting {
    MethodSetting(
      name: RandomRemoval.name,
      parameters: ["r": .integer(geometry.tokens - tokens), "seed": .integer(seed)])
  }

  /// The method that keeps `tokens` of a model's tokens, prefix included.
  static func method(tokens: Int, seed: Int, _ model: PlannedModel) throws -> PlannedMethod {
    let setting = setting(tokens: tokens, seed: seed, model.info.tokens)
    return try model.methods.method(RandomRemoval.self, setting.parameters)
  }

  /// The method whose accuracy represents `tokens`; without removal it is the baseline, which is
  /// measured anyway.
  static func accuracyMethod(
    tokens: Int, seed: Int, _ model: PlannedModel
  ) throws -> PlannedMethod {
    tokens == model.info.tokens.tokens
      ? try model.unreduced() : try method(tokens: tokens, seed: seed, model)
  }
}
