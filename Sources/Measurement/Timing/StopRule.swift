/// When timing ends: after `warmup` untimed passes, once both minimums are reached and the
/// intervals are narrow enough, or `maxSeconds` have passed.
///
/// Source: the minimum duration and minimum query count of MLPerf's load generator.
package struct StopRule: Hashable, Sendable {
  /// Untimed passes before the first sample.
  package var warmup: Int
  /// The minimum sum of the samples, in seconds.
  package var minSeconds: Double
  /// The minimum number of samples.
  package var minSamples: Int
  /// The relative half-width that every 95 % interval should have; `nil` if the width does not
  /// matter.
  package var until: Double?
  /// The sum of the samples, including those of disturbed rounds, after which the width no longer
  /// matters, in seconds.
  package var maxSeconds: Double

  package init(
    warmup: Int, minSeconds: Double, minSamples: Int, until: Double? = nil, maxSeconds: Double = 0
  ) {
    precondition(warmup >= 0 && minSeconds >= 0 && minSamples >= 1, "a stop rule counts upwards")
    self.warmup = warmup
    self.minSeconds = minSeconds
    self.minSamples = minSamples
    self.until = until
    self.maxSeconds = max(minSeconds, maxSeconds)
  }

  /// Whether `samples` timings with a total of `seconds` are enough.
  package func isSatisfied(samples: Int, seconds: Double) -> Bool {
    samples >= minSamples && seconds >= minSeconds
  }

  /// Whether to stop replacing disturbed rounds, however few of the `samples` timings are
  /// undisturbed.
  ///
  /// With twice the samples of an idle machine, half of them can be replaced.
  package func isExhausted(samples: Int, seconds: Double) -> Bool {
    samples >= 2 * minSamples && seconds >= max(maxSeconds, 2 * minSeconds)
  }

  /// The number of rounds over which a variant's samples are distributed, if it needs that many.
  ///
  /// Twenty are enough to resample whole rounds and leave some out, and few enough that a visit is
  /// not too short.
  package static let rounds = 20

  /// The minimum number of samples per visit: the untimed pass at the beginning of a visit must not
  /// take more than a third of the time.
  package static let minPerVisit = 3

  /// How many samples to take in a row before the next variant's turn.
  ///
  /// - Parameter estimate: The expected duration of one pass in seconds.
  package func samplesPerVisit(estimate: Double) -> Int {
    let forSeconds =
      estimate > 0 ? (minSeconds / Double(Self.rounds) / estimate).rounded(.up) : 1
    let forSamples = (Double(minSamples) / Double(Self.rounds)).rounded(.up)
    // A pass that is too short for the clock must not require endless samples.
    return Int(min(max(forSeconds, forSamples, Double(Self.minPerVisit)), 10_000))
  }

  /// The number of samples per visit for each of several variants, so that all need the same number
  /// of rounds.
  ///
  /// Variants with long passes need few visits; the others then take more samples per visit.
  package func samplesPerVisit(estimates: [Double]) -> [Int] {
    let needed = estimates.map { estimate in
      max(Double(minSamples), estimate > 0 ? min((minSeconds / estimate).rounded(.up), 1e6) : 1)
    }
    let rounds = zip(needed, estimates).map { needed, estimate in
      (needed / Double(samplesPerVisit(estimate: estimate))).rounded(.up)
    }
    guard let fewest = rounds.min() else { return [] }
    return needed.map { Int(min(($0 / fewest).rounded(.up), 10_000)) }
  }

  /// The expected time of a variant in seconds: warm-up, samples, and the untimed pass of each
  /// visit.
  package func expectedSeconds(estimate: Double) -> Double {
    let perVisit = samplesPerVisit(estimate: estimate)
    let needed = max(Double(minSamples), estimate > 0 ? (minSeconds / estimate).rounded(.up) : 1)
    let visits = (needed / Double(perVisit)).rounded(.up)
    return estimate * (Double(warmup) + visits * Double(perVisit + 1))
  }
}
