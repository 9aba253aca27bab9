import Records

/// A variant to time: a pass that enqueues work, and a wait until the work is done.
package struct TimedVariant {
  /// Enqueues or does the work of one sample.
  package var run: () throws -> Void
  /// Waits until everything enqueued is done; part of the sample.
  package var synchronize: () throws -> Void
  /// The time of the last sample by the device's own clock, if it has one; otherwise the stopwatch
  /// is used.
  package var deviceTime: (() throws -> Duration?)?

  package init(
    run: @escaping () throws -> Void, synchronize: @escaping () throws -> Void = {},
    deviceTime: (() throws -> Duration?)? = nil
  ) {
    self.run = run
    self.synchronize = synchronize
    self.deviceTime = deviceTime
  }
}

/// The samples of one variant, in the order taken.
package struct TimedSamples: Hashable, Sendable {
  /// The milliseconds of each pass, with synchronization.
  package var milliseconds: [Double] = []
  /// The interleaved round of each sample.
  package var rounds: [Int] = []
  /// What disturbed them; `nil` while they are taken, and if there are too few to judge.
  package var quality: TimingQuality?
  /// The sum of the samples in seconds.
  package var seconds: Double { milliseconds.reduce(0, +) / 1e3 }

  package init() {}
}

/// How the timing of one variant ended.
package enum TimedOutcome {
  case measured(TimedSamples)
  case failed(any Error)
}

/// Times several variants in interleaved rounds until all satisfy a stop rule.
///
/// A visit begins with one untimed pass, because another variant has just used the caches. A
/// variant that throws is reported as failed, and the others continue. They all end together, so
/// that each has as many rounds as its reference. Rounds that the system's counters show as
/// disturbed are replaced, as long as the rule allows.
package struct InterleavedTimer {
  package var rule: StopRule
  package var seed: UInt64
  package var stopwatch: any Stopwatch
  /// The variant that the others are compared with, so that the ratios must become certain; without
  /// one, each median must.
  package var reference: Int?
  package var counters: any CounterSource
  package var disturbance: DisturbanceRule
  /// Called between passes; `true` ends the measurement.
  package var shouldStop: () -> Bool

  package init(
    rule: StopRule, seed: UInt64, stopwatch: any Stopwatch = MonotonicStopwatch(),
    reference: Int? = nil, counters: any CounterSource = NoCounters(),
    disturbance: DisturbanceRule = DisturbanceRule(workers: 0, cores: 1),
    shouldStop: @escaping () -> Bool = { false }
  ) {
    self.rule = rule
    self.seed = seed
    self.stopwatch = stopwatch
    self.reference = reference
    self.counters = counters
    self.disturbance = disturbance
    self.shouldStop = shouldStop
  }

  /// Times `variants`; `finished` gets each variant's outcome as soon as it is known.
  ///
  /// Returns `false` if `shouldStop` ended it; samples of unfinished variants are then lost.
  /// Errors: only those of `finished`.
  package func measure(
    _ variants: [TimedVariant], progress: (Double) -> Void = { _ in },
    finished: (_ variant: Int, _ outcome: TimedOutcome) throws -> Void
  ) throws -> Bool {
    var estimates: [Int: Double] = [:]
    var rounds = TimedRounds(
      rule: rule, reference: reference, samples: variants.map { _ in TimedSamples() })
    for index in variants.indices {
      do {
        guard let estimate = try warmUp(variants[index]) else { return false }
        estimates[index] = estimate
      } catch {
        rounds.active.remove(index)
        try finished(index, .failed(error))
      }
    }
    let warm = estimates.keys.sorted()
    let perVisit = Dictionary(
      uniqueKeysWithValues: zip(
        warm, rule.samplesPerVisit(estimates: warm.compactMap { estimates[$0] })))
    var interleaving = Interleaving(seed: seed)
    while !rounds.isComplete {
      let before = rounds.isJudged ? counters.read() : nil
      let start = stopwatch.now
      for index in interleaving.nextRound(count: variants.count, active: rounds.active) {
        do {
          guard
            try visit(
              variants[index], times: perVisit[index] ?? 1, round: rounds.count,
              into: &rounds.samples[index])
          else { return false }
        } catch {
          rounds.active.remove(index)
          try finished(index, .failed(error))
        }
        progress(rounds.share)
      }
      rounds.end(
        before.flatMap { before in
          counters.read().map {
            disturbance.disturbances(
              from: before, to: $0, seconds: (stopwatch.now - start).inSeconds)
          }
        })
    }
    for index in rounds.active.sorted() { try finished(index, .measured(rounds.result(index))) }
    return true
  }

  /// The duration of the shortest warm-up pass in seconds; `nil` if asked to stop.
  ///
  /// The shortest was disturbed least. With a longer estimate, too few samples would be taken per
  /// visit, and all variants would wait for the additional rounds.
  private func warmUp(_ variant: TimedVariant) throws -> Double? {
    var shortest = Double.infinity
    for _ in 0..<max(rule.warmup, 1) {
      if shouldStop() { return nil }
      shortest = min(shortest, try time(variant).inSeconds)
    }
    return shortest
  }

  private func visit(
    _ variant: TimedVariant, times: Int, round: Int, into samples: inout TimedSamples
  ) throws -> Bool {
    _ = try time(variant)
    for _ in 0..<times {
      if shouldStop() { return false }
      samples.milliseconds.append(try time(variant).inMilliseconds)
      samples.rounds.append(round)
    }
    return true
  }

  private func time(_ variant: TimedVariant) throws -> Duration {
    let start = stopwatch.now
    try variant.run()
    try variant.synchronize()
    let elapsed = stopwatch.now - start
    return try variant.deviceTime?() ?? elapsed
  }
}
