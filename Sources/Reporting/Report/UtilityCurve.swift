import Measurement
import Records

/// What every token count is worth: latency gained against accuracy kept, from two grids.
///
/// L is the latency grid of a device, Â the accuracy grid of a model: they may come from different
/// machines. The formula is `TailEffectUtility`'s, by which a run chooses R.
package struct UtilityCurve: Sendable {
  /// A token count that both grids have.
  package struct Point: Hashable, Sendable {
    package let tokens: Int
    package let latencyUtility: Double
    package let accuracyUtility: Double

    package func utility(alpha: Double) -> Double {
      alpha * latencyUtility + (1 - alpha) * accuracyUtility
    }
  }

  package let staircase: Staircase
  package let weights: WeightsSetting?
  /// The data set of the accuracy grid, often smaller than that of the rows.
  package let dataset: DatasetSetting
  /// By rising token count, at least `Staircase.fewestPoints`.
  package let points: [Point]
  private let utility: TailEffectUtility

  /// n*; `points` is never empty.
  package func bestTokens(alpha: Double) -> Int {
    utility.bestTokens(alpha: alpha) ?? staircase.model.tokens
  }

  /// R = N − n*.
  package func removedTokens(alpha: Double) -> Int {
    utility.removedTokens(
      alpha: alpha, of: staircase.model.tokens, prefixTokens: staircase.model.prefixTokens) ?? 0
  }

  /// Every latency grid with every accuracy grid of the same model.
  static func all(_ staircases: [Staircase], in joined: JoinedRecords) -> [UtilityCurve] {
    var grids: [JoinedRecords.AccuracyKey: [Int: Double]] = [:]
    let tallies = joined.accuracies.sorted { RowOrder.precedes($0.key.method, $1.key.method) }
    for (key, tally) in tallies where key.method.name == gridMethod && tally.images > 0 {
      guard let tokens = tally.cost?.tokensAfterBlocks.first else { continue }
      grids[key.place, default: [:]][tokens, default: tally.top1Share] = tally.top1Share
    }
    for (key, tally) in tallies where key.method.name == baselineMethod && tally.images > 0 {
      grids[key.place]?[key.model.tokens] = tally.top1Share
    }
    let ordered = grids.sorted { $0.key.sortText < $1.key.sortText }
    return staircases.flatMap { staircase in
      ordered.compactMap { UtilityCurve(staircase, $0.key, accuracyByTokens: $0.value) }
    }
  }

  private init?(
    _ staircase: Staircase, _ place: JoinedRecords.AccuracyKey, accuracyByTokens: [Int: Double]
  ) {
    guard place.model == staircase.model, place.precision == staircase.precision else { return nil }
    var latencyByTokens: [Int: Double] = [:]
    for point in staircase.points { latencyByTokens[point.tokens] = point.milliseconds.median }
    utility = TailEffectUtility(
      latencyByTokens: latencyByTokens, accuracyByTokens: accuracyByTokens)
    guard utility.points.count >= Staircase.fewestPoints,
      utility.points.contains(where: { $0.latency > 0 }),
      utility.points.contains(where: { $0.accuracy > 0 })
    else { return nil }
    self.staircase = staircase
    weights = place.weights
    dataset = place.dataset
    let parts = zip(utility.latencyUtilities, utility.accuracyUtilities)
    points = zip(utility.points, parts).map { point, parts in
      Point(tokens: point.tokens, latencyUtility: parts.0, accuracyUtility: parts.1)
    }
  }
}

extension AccuracyTally {
  /// The share of images whose best class is right, 0…1.
  fileprivate var top1Share: Double { Double(top1Correct) / Double(images) }
}

extension JoinedRecords.AccuracyKey {
  /// The same place with no method's parameters: what the points of one grid share.
  fileprivate var place: Self {
    Self(
      model: model, weights: weights, method: MethodSetting(name: gridMethod, parameters: [:]),
      dataset: dataset, precision: precision)
  }

  fileprivate var sortText: String {
    [
      model.sortText, weights?.name ?? "", weights?.digest ?? "", dataset.name,
      dataset.fingerprint, dataset.preprocessing, precision,
    ].joined(separator: "\u{1}")
  }
}
