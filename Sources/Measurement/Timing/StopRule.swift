/// When variants have been timed enough: after `warmup` untimed passes, once both minima are
/// reached and the intervals are narrow, or `maxSeconds` are spent.
///
/// Source: the minimum duration and minimum query count of MLPerf's load generator.
package struct StopRule: Hashable, Sendable {
  /// Untimed passes before the first sample.
  package var warmup: Int
  /// Sum of the samples that must be reached, in seconds.
  package var minSeconds: Double
  /// Samples that must be reached.
  package var minSamples: Int
  /// Half of the relative width that every 95 % interval should have; `nil` where width does not
  /// matter.
  package var until: Double?
  /// Sum of the samples, those of disturbed rounds included, after which width no longer matters,
  /// in seconds.
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

  /// Whether `samples` timings that took `seconds` together are enough.
  package func isSatisfied(samples: Int, seconds: Double) -> Bool {
    samples >= minSamples && seconds >= minSeconds
  }

  /// Whether no more is worth taking, however few of `samples` timings are undisturbed.
  ///
  /// Twice what an idle machine needs leaves half of them to be replaced.
  package func isExhausted(samples: Int, seconds: Double) -> Bool {
    samples >= 2 * minSamples && seconds >= max(maxSeconds, 2 * minSeconds)
  }

  /// Rounds over which a variant's samples are spread, where it needs enough of them.
  ///
  /// Twenty are enough for whole rounds to be resampled and some to be left out, and few enough
  /// that a visit lasts.
  package static let rounds = 20

  /// The fewest samples of one visit: the untimed pass that opens a visit must not cost more than a
  /// third.
  package static let minPerVisit = 3

  /// How many samples to take in a row before the next variant's turn.
  ///
  /// - Parameter estimate: The expected length of one pass in seconds.
  package func samplesPerVisit(estimate: Double) -> Int {
    let forSeconds =
      estimate > 0 ? (minSeconds / Double(Self.rounds) / estimate).rounded(.up) : 1
    let forSamples = (Double(minSamples) / Double(Self.rounds)).rounded(.up)
    // A pass too short to be seen by the clock must not ask for endless samples.
    return Int(min(max(forSeconds, forSamples, Double(Self.minPerVisit)), 10_000))
  }

  /// How many samples of each of several variants to take at a visit, so that all need the same
  /// number of rounds.
  ///
  /// Those whose passes are long need few visits; the others then take more at each of theirs.
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

  /// The expected time of a variant in seconds: warm-up, samples and the pass that opens each
  /// visit.
  package func expectedSeconds(estimate: Double) -> Double {
    let perVisit = samplesPerVisit(estimate: estimate)
    let needed = max(Double(minSamples), estimate > 0 ? (minSeconds / estimate).rounded(.up) : 1)
    let visits = (needed / Double(perVisit)).rounded(.up)
    return estimate * (Double(warmup) + visits * Double(perVisit + 1))
  }
}
