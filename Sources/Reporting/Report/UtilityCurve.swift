import Measurement
import Records
import Support

/// The utility of every token count: saved latency against kept accuracy, from two grids.
///
/// L is the latency grid of a device, Â the accuracy grid of a model; they may come from different
/// machines. The formula is that of `TailEffectUtility`, with which a run chooses R.
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
  /// By increasing token count, at least `Staircase.minPoints`.
  package let points: [Point]
  private let utility: TailEffectUtility
  /// Utilities of resampled grids.
  private let resampled: [TailEffectUtility]

  /// n*; `points` is never empty.
  package func bestTokens(alpha: Double) -> Int {
    utility.bestTokens(alpha: alpha) ?? staircase.model.tokens
  }

  /// R = N − n*.
  package func removedTokens(alpha: Double) -> Int {
    utility.removedTokens(
      alpha: alpha, of: staircase.model.tokens, prefixTokens: staircase.model.prefixTokens) ?? 0
  }

  /// The choice for `alpha` with its uncertainty.
  package func choice(alpha: Double) -> TailEffectChoice? {
    utility.choice(alpha: alpha, resampled: resampled)
  }

  /// R for a token count n, clamped as in `removedTokens`.
  package func removed(leaving tokens: Int) -> Int {
    let model = staircase.model
    return max(0, min(model.tokens - tokens, model.tokens - model.prefixTokens - 2))
  }

  /// Whether the grids have the model, device, batch size and weights of `group`.
  func belongs(to group: RowGroup) -> Bool {
    staircase.belongs(to: group) && weights == group.weights
  }

  /// Every combination of a latency grid with an accuracy grid of the same model.
  static func all(_ staircases: [Staircase], in joined: JoinedRecords) -> [UtilityCurve] {
    var grids: [JoinedRecords.AccuracyKey: [Int: AccuracyTally]] = [:]
    let tallies = joined.accuracies.sorted { joined.catalog.precedes($0.key.method, $1.key.method) }
    for (key, tally) in tallies where joined.catalog.isGrid(key.method) && tally.images > 0 {
      guard let tokens = tally.cost?.tokensAfterBlocks.first else { continue }
      grids[key.place, default: [:]][tokens, default: tally] = tally
    }
    for (key, tally) in tallies where joined.catalog.isBaseline(key.method) && tally.images > 0 {
      grids[key.place]?[key.model.tokens] = tally
    }
    let ordered = grids.sorted { $0.key.sortText < $1.key.sortText }
    return staircases.flatMap { staircase in
      ordered.compactMap { UtilityCurve(staircase, $0.key, tallies: $0.value) }
    }
  }

  private init?(
    _ staircase: Staircase, _ place: JoinedRecords.AccuracyKey, tallies: [Int: AccuracyTally]
  ) {
    let sound = staircase.points.filter(\.isReliable)
    guard place.model == staircase.model, place.precision == staircase.precision,
      Reliability.suffices(sound: sound.count, of: staircase.points.count)
    else { return nil }
    var latencyByTokens: [Int: Double] = [:]
    for point in sound { latencyByTokens[point.tokens] = point.milliseconds.median }
    utility = TailEffectUtility(
      latencyByTokens: latencyByTokens, accuracyByTokens: tallies.mapValues(\.top1Share))
    guard utility.points.count >= Staircase.minPoints,
      utility.points.contains(where: { $0.latency > 0 }),
      utility.points.contains(where: { $0.accuracy > 0 })
    else { return nil }
    self.staircase = staircase
    weights = place.weights
    dataset = place.dataset
    resampled = Self.resampled(utility.points.map(\.tokens), staircase, tallies)
    let parts = zip(utility.latencyUtilities, utility.accuracyUtilities)
    points = zip(utility.points, parts).map { point, parts in
      Point(tokens: point.tokens, latencyUtility: parts.0, accuracyUtility: parts.1)
    }
  }
}

extension UtilityCurve {
  /// Resamples both grids: timings in blocks of rounds, images in the same way for every token
  /// count.
  private static func resampled(
    _ tokens: [Int], _ staircase: Staircase, _ tallies: [Int: AccuracyTally]
  ) -> [TailEffectUtility] {
    let latencies = tokens.compactMap { staircase.resampled[$0] }
    guard latencies.count == tokens.count, let replicates = latencies.map(\.count).min() else {
      return []
    }
    var generator = SplitMix64(seedText: "images \(tokens)")
    let shares = ResampledShares.draw(
      AccuracyTally.sharedOutcomes(tokens.compactMap { tallies[$0] }), replicates: replicates,
      using: &generator)
    return shares.enumerated().map { index, shares in
      TailEffectUtility(
        latencyByTokens: Dictionary(
          uniqueKeysWithValues: zip(tokens, latencies.map { $0[index] })),
        accuracyByTokens: Dictionary(uniqueKeysWithValues: zip(tokens, shares)))
    }
  }

  /// The uncertainty of the choices for some α, one sentence each: `α=0.5: R = 72 (68–80)`.
  func choiceLines(alphas: [Double]) -> [String] {
    alphas.compactMap { alpha in
      choice(alpha: alpha).map { "α=\(trimmed(alpha, digits: 6)): \(text(of: $0))" }
    }
  }

  /// For example `R = 72 (68–80); U is flat: R = 60, 72 and 84 are as good within its noise`.
  func text(of choice: TailEffectChoice) -> String {
    var text =
      "R = \(removed(leaving: choice.tokens)) (\(removed(leaving: choice.range.upperBound))–"
      + "\(removed(leaving: choice.range.lowerBound)))"
    if choice.isFlat {
      let alike = Set(choice.alike.map(removed)).sorted().map(String.init)
      let list = alike.dropLast().joined(separator: ", ") + " and " + (alike.last ?? "")
      text += "; U is flat: R = \(list) are as good within its noise"
    }
    return text
  }
}

extension AccuracyTally {
  /// The fraction of images whose top-1 class is correct, 0…1.
  fileprivate var top1Share: Double { Double(top1Correct) / Double(images) }
}

extension JoinedRecords.AccuracyKey {
  /// The key without the method, which all points of one grid share.
  fileprivate var place: Self {
    Self(
      model: model, weights: weights, method: .any,
      dataset: dataset, precision: precision)
  }

  fileprivate var sortText: String {
    [
      model.sortText, weights?.name ?? "", weights?.digest ?? "", dataset.name,
      dataset.fingerprint, dataset.preprocessing, precision,
    ].joined(separator: "\u{1}")
  }
}

extension Report {
  /// The curves of one table, or all.
  func utilityCurves(of group: RowGroup?) -> [UtilityCurve] {
    utilityCurves.filter { curve in group.map(curve.staircase.belongs) ?? true }
  }
}
