import Measurement
import Records

/// Reads the points of a search's grids from records.
struct GridReader {
  let result: (String) -> Record?
  let givenUp: Set<String>

  enum Point: Equatable {
    case value(Double)
    case missing
    /// It failed; a search continues without it.
    case givenUp
    /// It was measured, and the timing is not reliable.
    case unreliable
  }

  /// The median of a latency trial in milliseconds.
  func latency(_ trial: PlannedLatency) -> Point {
    guard case .latency(_, let timing)? = result(trial.key)?.measurement,
      let summary = Summary(timing.samplesMilliseconds)
    else { return givenUp.contains(trial.key) ? .givenUp : .missing }
    return timing.isReliable ? .value(summary.median) : .unreliable
  }

  /// The fraction of correct predictions over all shards, 0…1.
  func accuracy(_ trials: [PlannedAccuracy]) -> Point {
    var correct = 0
    var images = 0
    for trial in trials {
      guard case .accuracy(_, let predictions)? = result(trial.key)?.measurement else {
        return givenUp.contains(trial.key) ? .givenUp : .missing
      }
      images += predictions.labels.count
      correct += predictions.labels.indices.count {
        predictions.topFive.isTop1($0, predictions.labels[$0])
      }
    }
    return images > 0 ? .value(Double(correct) / Double(images)) : .givenUp
  }
}
