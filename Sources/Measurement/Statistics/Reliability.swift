import Records
import Support

/// Whether timings are certain enough to draw conclusions from them.
package enum Reliability {
  /// The relative half-width of a 95 % interval above which a timing is not reliable: token
  /// reduction is chosen for effects of that size.
  package static let widest = 0.1
  /// Fewer timings than this are a trial run: their interval cannot reach 95 %.
  package static let minSamplesJudged = 6
  /// The fraction of many timings, such as those of a grid, that must be reliable for conclusions
  /// from the reliable ones.
  package static let soundShare = 0.75

  /// Whether `sound` of `count` timings are enough to draw conclusions from them.
  package static func suffices(sound: Int, of count: Int) -> Bool {
    count > 0 && Double(sound) >= soundShare * Double(count)
  }

  /// The relative half-width of the 95 % interval of each variant: of its ratio to the reference,
  /// or of its median for the reference itself and if there is none.
  package static func halfWidths(
    _ samples: [Int: TimedSamples], reference: Int?
  ) -> [Int: Double] {
    var medians: [Int: BootstrapMedians] = [:]
    for (index, samples) in samples.sorted(by: { $0.key < $1.key }) {
      // Seeded by the position: equal samples give an equal decision.
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
  /// The half-width divided by the center; 0 if the center is 0.
  package var relativeHalfWidth: Double {
    let middle = (lower + upper) / 2
    return middle > 0 ? (upper - lower) / 2 / middle : 0
  }
}

extension LatencyResult {
  /// Whether nothing should be concluded from the timing: by its record, or, in records of earlier
  /// versions, by the width of the interval of its median.
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
