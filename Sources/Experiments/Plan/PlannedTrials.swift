import Records

/// One accuracy trial with its method and its key.
package struct PlannedAccuracy {
  package let trial: AccuracyTrial
  package let method: PlannedMethod
  package let key: String
}

/// One latency trial with its method and its key.
package struct PlannedLatency {
  package let trial: LatencyTrial
  package let method: PlannedMethod
  package let key: String
}

/// The trials of a planner, with keys that are computed once, however often the plan is rebuilt.
final class PlannedTrials {
  private var latencies: [LatencyTrial: PlannedLatency] = [:]
  /// By the trial of the first shard.
  private var accuracies: [AccuracyTrial: [PlannedAccuracy]] = [:]

  func latency(_ trial: LatencyTrial, _ method: PlannedMethod) -> PlannedLatency {
    if let known = latencies[trial] { return known }
    let planned = PlannedLatency(trial: trial, method: method, key: RecordLine.key(of: trial))
    latencies[trial] = planned
    return planned
  }

  /// The trials of a method on each shard, whose keys differ only in the shard: a sweep over
  /// ImageNet has 20,000.
  ///
  /// - Parameter trial: The trial on any shard.
  func accuracies(
    _ trial: AccuracyTrial, _ method: PlannedMethod, shards: [Range<Int>]
  ) -> [PlannedAccuracy] {
    guard let first = shards.first else { return [] }
    var trial = trial
    trial.firstImage = first.lowerBound
    trial.imageCount = first.count
    if let known = accuracies[trial] { return known }
    let keys = RecordLine.ShardKeys(trial)
    let planned = shards.map { shard in
      var part = trial
      part.firstImage = shard.lowerBound
      part.imageCount = shard.count
      return PlannedAccuracy(trial: part, method: method, key: keys.key(shard))
    }
    accuracies[trial] = planned
    return planned
  }
}
