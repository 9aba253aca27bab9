/// When a variant has been timed enough: after `warmup` untimed passes, once both minima are reached.
///
/// Source: the minimum duration and minimum query count of MLPerf's load generator.
package struct StopRule: Hashable, Sendable {
  /// Untimed passes before the first sample.
  package var warmup: Int
  /// Sum of the samples that must be reached, in seconds.
  package var minSeconds: Double
  /// Samples that must be reached.
  package var minSamples: Int

  package init(warmup: Int, minSeconds: Double, minSamples: Int) {
    precondition(warmup >= 0 && minSeconds >= 0 && minSamples >= 1, "a stop rule counts upwards")
    self.warmup = warmup
    self.minSeconds = minSeconds
    self.minSamples = minSamples
  }

  /// Whether `samples` timings that took `seconds` together are enough.
  package func isSatisfied(samples: Int, seconds: Double) -> Bool {
    samples >= minSamples && seconds >= minSeconds
  }

  /// Rounds over which a variant's samples are spread, where it needs enough of them.
  ///
  /// Ten is enough for whole rounds to be resampled, and few enough that a visit lasts.
  package static let rounds = 10

  /// The fewest samples of one visit: the untimed pass that opens a visit must not cost more than a third.
  package static let fewestPerVisit = 3

  /// How many samples to take in a row before the next variant's turn.
  ///
  /// - Parameter estimate: The expected length of one pass in seconds.
  package func samplesPerVisit(estimate: Double) -> Int {
    let forSeconds =
      estimate > 0 ? (minSeconds / Double(Self.rounds) / estimate).rounded(.up) : 1
    let forSamples = (Double(minSamples) / Double(Self.rounds)).rounded(.up)
    // A pass too short to be seen by the clock must not ask for endless samples.
    return Int(min(max(forSeconds, forSamples, Double(Self.fewestPerVisit)), 10_000))
  }

  /// The expected time of a variant in seconds: warm-up, samples and the pass that opens each visit.
  package func expectedSeconds(estimate: Double) -> Double {
    let perVisit = samplesPerVisit(estimate: estimate)
    let needed = max(Double(minSamples), estimate > 0 ? (minSeconds / estimate).rounded(.up) : 1)
    let visits = (needed / Double(perVisit)).rounded(.up)
    return estimate * (Double(warmup) + visits * Double(perVisit + 1))
  }
}
