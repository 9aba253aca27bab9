/// One thing to time: a pass that queues work, and a wait until that work is done.
package struct TimedVariant {
  /// Queues or does the work of one sample.
  package var run: () throws -> Void
  /// Waits until everything queued is done; part of the sample.
  package var synchronize: () throws -> Void
  /// The time of the sample just taken by the device's own clock, where it has one; else the stopwatch's counts.
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
  /// Milliseconds of each pass, synchronised.
  package var milliseconds: [Double] = []
  /// The interleaved round of each sample.
  package var rounds: [Int] = []
  /// Sum of the samples in seconds.
  package var seconds: Double { milliseconds.reduce(0, +) / 1e3 }
}

/// How the timing of one variant ended.
package enum TimedOutcome {
  case measured(TimedSamples)
  case failed(any Error)
}

/// Times several variants in interleaved rounds until each satisfies a stop rule.
///
/// A visit opens with one untimed pass, since another variant has just used the caches. A variant that throws is
/// reported as failed, and the others go on.
package struct InterleavedTimer {
  package var rule: StopRule
  package var seed: UInt64
  package var stopwatch: any Stopwatch
  /// Asked between passes; `true` ends the measurement.
  package var shouldStop: () -> Bool

  package init(
    rule: StopRule, seed: UInt64, stopwatch: any Stopwatch = MonotonicStopwatch(),
    shouldStop: @escaping () -> Bool = { false }
  ) {
    self.rule = rule
    self.seed = seed
    self.stopwatch = stopwatch
    self.shouldStop = shouldStop
  }

  /// Times `variants`; `finished` gets each variant's outcome as soon as it is known.
  ///
  /// Returns `false` when `shouldStop` ended it; samples of variants not yet finished are lost then.
  /// Errors: only those of `finished`.
  package func measure(
    _ variants: [TimedVariant], progress: (Double) -> Void = { _ in },
    finished: (_ variant: Int, _ outcome: TimedOutcome) throws -> Void
  ) throws -> Bool {
    var samples = [TimedSamples](repeating: TimedSamples(), count: variants.count)
    var perVisit = [Int](repeating: 1, count: variants.count)
    var active = Set(variants.indices)
    for index in variants.indices {
      do {
        guard let estimate = try warmUp(variants[index]) else { return false }
        perVisit[index] = rule.samplesPerVisit(estimate: estimate)
      } catch {
        active.remove(index)
        try finished(index, .failed(error))
      }
    }
    var interleaving = Interleaving(seed: seed)
    var round = 0
    while !active.isEmpty {
      for index in interleaving.nextRound(count: variants.count, active: active) {
        do {
          guard
            try visit(variants[index], times: perVisit[index], round: round, into: &samples[index])
          else { return false }
        } catch {
          active.remove(index)
          try finished(index, .failed(error))
          continue
        }
        if rule.isSatisfied(
          samples: samples[index].milliseconds.count, seconds: samples[index].seconds)
        {
          active.remove(index)
          try finished(index, .measured(samples[index]))
        }
        progress(share(samples, active: active))
      }
      round += 1
    }
    return true
  }

  /// The length of the last warm-up pass in seconds; `nil` when asked to stop.
  private func warmUp(_ variant: TimedVariant) throws -> Double? {
    var last = 0.0
    for _ in 0..<max(rule.warmup, 1) {
      if shouldStop() { return nil }
      last = try time(variant).inSeconds
    }
    return last
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

  /// The part of the needed samples that is there, 0 to 1, for a progress line.
  private func share(_ samples: [TimedSamples], active: Set<Int>) -> Double {
    let parts = samples.indices.map { index -> Double in
      guard active.contains(index) else { return 1 }
      let counted = Double(samples[index].milliseconds.count) / Double(rule.minSamples)
      let timed = rule.minSeconds > 0 ? samples[index].seconds / rule.minSeconds : 1
      return min(counted, timed, 1)
    }
    return parts.reduce(0, +) / Double(max(parts.count, 1))
  }
}
