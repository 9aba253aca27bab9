import Measurement
import Records

/// The images of a race that each method has classified correctly, read once from every record.
final class RaceLedger {
  private var shards: [String: [Bool?]] = [:]
  private var sequences: [Pair: History] = [:]

  /// Two methods on the images of one data set, by the key of the first batch of each.
  private struct Pair: Hashable {
    let first: String
    let second: String
  }

  /// A confidence sequence with its interval after each batch, so that none is computed twice.
  private struct History {
    var sequence: ConfidenceSequence
    var intervals: [Interval] = []
  }

  /// Whether each image of a shard was classified correctly, `nil` for an image that could not be
  /// read; `nil` if the shard is not recorded.
  func outcomes(
    _ trial: PlannedAccuracy, _ result: (String) -> Record?
  ) -> [Bool?]? {
    if let known = shards[trial.key] { return known }
    guard case .accuracy(_, let predictions)? = result(trial.key)?.measurement else { return nil }
    var outcomes = [Bool?](repeating: nil, count: trial.trial.imageCount)
    for (place, index) in predictions.imageIndices.enumerated() {
      outcomes[index - trial.trial.firstImage] = predictions.topFive.isTop1(
        place, predictions.labels[place])
    }
    shards[trial.key] = outcomes
    return outcomes
  }

  /// The interval of the difference between two methods after the last of `batches`.
  func interval(
    of method: [PlannedAccuracy], against baseline: [PlannedAccuracy], images: Int,
    batches: [PairedBatch]
  ) -> Interval {
    let pair = Pair(first: baseline.first?.key ?? "", second: method.first?.key ?? "")
    var history =
      sequences[pair] ?? History(sequence: ConfidenceSequence(population: images))
    if history.intervals.count < batches.count {
      for batch in batches[history.intervals.count...] {
        history.sequence.add(batch)
        history.intervals.append(history.sequence.interval)
      }
      sequences[pair] = history
    }
    return history.intervals[batches.count - 1]
  }

  /// How two methods differ on the images of one shard.
  static func batch(_ first: [Bool?], _ second: [Bool?]) -> PairedBatch {
    var batch = PairedBatch()
    for (one, other) in zip(first, second) { batch.count(first: one, second: other) }
    return batch
  }
}
