import Records

/// The samples of interleaved rounds during a measurement: which rounds count, and whether they are
/// enough.
struct TimedRounds {
  let rule: StopRule
  let reference: Int?
  /// One per variant, including the samples of disturbed rounds.
  var samples: [TimedSamples]
  /// Variants that have not failed.
  var active: Set<Int>
  /// Rounds that have ended.
  private(set) var count = 0
  private(set) var disturbed: [DisturbedRound] = []
  private var hasCounters = false
  private var isEnough = false

  init(rule: StopRule, reference: Int?, samples: [TimedSamples]) {
    self.rule = rule
    self.reference = reference
    self.samples = samples
    active = Set(samples.indices)
  }

  /// Whether there are enough timings to judge rounds by.
  var isJudged: Bool { rule.minSamples >= Reliability.minSamplesJudged }

  var isComplete: Bool { active.isEmpty || isEnough }

  /// Ends a round with what disturbed it; `nil` without counters.
  mutating func end(_ disturbance: (reasons: [Disturbance], share: Double)?) {
    if let disturbance {
      hasCounters = true
      if !disturbance.reasons.isEmpty {
        disturbed.append(
          DisturbedRound(round: count, reasons: disturbance.reasons, share: disturbance.share))
      }
    }
    count += 1
    isEnough = hasEnough()
  }

  /// Whether most rounds are disturbed, so that too few would remain without them.
  private var isMostlyDisturbed: Bool { 2 * disturbed.count > count }

  private func hasEnough() -> Bool {
    let dropped = Set(disturbed.map(\.round))
    let undisturbed = Dictionary(
      uniqueKeysWithValues: active.map { ($0, kept(samples[$0], without: dropped)) })
    func isExhausted() -> Bool {
      active.allSatisfy {
        rule.isExhausted(samples: samples[$0].milliseconds.count, seconds: samples[$0].seconds)
      }
    }
    guard
      undisturbed.values.allSatisfy({
        rule.isSatisfied(samples: $0.milliseconds.count, seconds: $0.seconds)
      })
    else { return !disturbed.isEmpty && isExhausted() }
    if isMostlyDisturbed { return isExhausted() }
    guard isJudged, let until = rule.until else { return true }
    if active.allSatisfy({ samples[$0].seconds >= rule.maxSeconds }) { return true }
    let widths = Reliability.halfWidths(undisturbed, reference: reference)
    return widths.values.allSatisfy { $0 <= until }
  }

  /// The samples of a variant that count, and those that were left out.
  func result(_ index: Int) -> TimedSamples {
    guard isJudged else { return samples[index] }
    let dropped = isMostlyDisturbed ? [] : Set(disturbed.map(\.round))
    var result = kept(samples[index], without: dropped)
    var flaws: [TimingFlaw] = isMostlyDisturbed ? [.mostRoundsDisturbed] : []
    let others = Dictionary(
      uniqueKeysWithValues: Set([index, reference ?? index]).intersection(active).map {
        ($0, kept(samples[$0], without: dropped))
      })
    let width = Reliability.halfWidths(others, reference: reference)[index] ?? 0
    if width > Reliability.widest { flaws.append(.wideInterval) }
    result.quality = TimingQuality(
      counters: hasCounters ? .read : .unavailable, rounds: count,
      disturbed: disturbed.map { round in
        var round = round
        if dropped.contains(round.round) {
          round.droppedMilliseconds = zip(samples[index].milliseconds, samples[index].rounds)
            .filter { $1 == round.round }.map(\.0)
        }
        return round
      }, flaws: flaws)
    return result
  }

  private func kept(_ samples: TimedSamples, without dropped: Set<Int>) -> TimedSamples {
    guard !dropped.isEmpty else { return samples }
    var kept = TimedSamples()
    for (sample, round) in zip(samples.milliseconds, samples.rounds)
    where !dropped.contains(round) {
      kept.milliseconds.append(sample)
      kept.rounds.append(round)
    }
    return kept
  }

  /// The fraction of the needed samples that is taken, 0 to 1, for a progress line.
  var share: Double {
    let parts = samples.indices.map { index -> Double in
      guard active.contains(index) else { return 1 }
      let counted = Double(samples[index].milliseconds.count) / Double(rule.minSamples)
      let timed = rule.minSeconds > 0 ? samples[index].seconds / rule.minSeconds : 1
      return min(counted, timed, 1)
    }
    return parts.reduce(0, +) / Double(max(parts.count, 1))
  }
}
