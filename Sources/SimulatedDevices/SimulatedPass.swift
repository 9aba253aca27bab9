import Records
import Tensors
import TokenReduction
import VisionModels

extension CostModel {
  /// The pass of a model with a method.
  ///
  /// - Throws: `SimulatedDevicesError.noCost`, and what `DryRun` throws.
  package func pass(
    _ entry: ModelEntry, _ composition: Composition, batchSize: Int
  ) throws -> PreparedPass {
    let run = try DryRun(
      entry.architecture, composition, batchSize: batchSize, precision: precision)
    return try pass(run.operations, model: entry.name)
  }

  /// The staircase of a model: random removal before the first block, down to a quarter of the
  /// tokens.
  package func staircase(
    _ entry: ModelEntry, batchSize: Int, tokens: ClosedRange<Int>? = nil, stride: Int = 1
  ) throws -> SimulatedStaircase {
    guard let geometry = entry.info.geometry else {
      throw VisionModelsError.noTokens(model: entry.name)
    }
    let lowest = max(geometry.prefixTokens + 1, tokens?.lowerBound ?? (geometry.tokens + 3) / 4)
    let highest = min(geometry.tokens, tokens?.upperBound ?? geometry.tokens)
    guard lowest <= highest else { return SimulatedStaircase([], self) }
    let counts = Swift.stride(from: highest, through: lowest, by: -stride).reversed()
    let passes = try counts.map { count in
      let method = MethodSetting(
        name: RandomRemoval.name, parameters: ["r": .integer(geometry.tokens - count)])
      return (
        count, try pass(entry, entry.composition(for: method), batchSize: batchSize)
      )
    }
    return SimulatedStaircase(passes, self)
  }
}
