import Records
import Support

/// When timings are certain enough to conclude something from them.
package enum Reliability {
  /// Half of the relative width of a 95 % interval beyond which a timing says too little: the
  /// effects that token reduction is chosen for are of that size.
  package static let widest = 0.1
  /// Fewer timings than this are a trial run: their interval cannot reach 95 %.
  package static let minSamplesJudged = 6
  /// Of many timings, as a grid's, this share must be reliable for a conclusion from those.
  package static let soundShare = 0.75

  /// Whether `sound` of `count` timings are enough to conclude something from those.
  package static func suffices(sound: Int, of count: Int) -> Bool {
    count > 0 && Double(sound) >= soundShare * Double(count)
  }

  /// Half of the relative width of the 95 % interval of each variant: of its ratio to the
  /// reference, or of its median where there is none and for the reference itself.
  package static func halfWidths(
    _ samples: [Int: TimedSamples], reference: Int?
  ) -> [Int: Double] {
    var medians: [Int: BootstrapMedians] = [:]
    for (index, samples) in samples.sorted(by: { $0.key < $1.key }) {
      // Seeded by the place: equal samples give an equal decision.
      var generator = SplitMix64(seed: UInt64(index))
      medians[index] = BootstrapMedians(
        samples: samples.milliseconds, rounds: samples.rounds, replicates: 400, using: &generator)
    }
    let base = reference.flatMap { medians[$0] }
    var widths: [Int: Double] = [:]
    for (index, mine) in medians {
      let interval =
        index == reference
        ? mine.interval : base.map { $0.ratioInterval(to: mine) } ?? mine.interval
      widths[index] = interval.relativeHalfWidth
    }
    return widths
  }
}

extension Interval {
  /// Half of the width over the middle; 0 where the middle is.
  package var relativeHalfWidth: Double {
    let middle = (lower + upper) / 2
    return middle > 0 ? (upper - lower) / 2 / middle : 0
  }
}

extension LatencyResult {
  /// Whether nothing should be concluded from the timing: what was recorded, or, in records of
  /// programs that did not look, how wide the interval of its median is.
  package var flaws: [TimingFlaw] {
    if let quality { return quality.flaws }
    guard samplesMilliseconds.count >= Reliability.minSamplesJudged else { return [] }
    var samples = TimedSamples()
    samples.milliseconds = samplesMilliseconds
    samples.rounds = rounds
    let width = Reliability.halfWidths([0: samples], reference: nil)[0] ?? 0
    return width > Reliability.widest ? [.wideInterval] : []
  }

  package var isReliable: Bool { flaws.isEmpty }
}
