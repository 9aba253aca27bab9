import Measurement
import Records

/// One line of a report: a model with a method, on a data set, a device and a batch size.
package struct Row: Sendable {
  package internal(set) var method: MethodSetting
  /// Why the method has its parameters: one reason for each entry of the spec that led to this row.
  package let reasons: [RowReason]
  package internal(set) var family: MethodFamily
  /// The parameters that distinguish the row from its siblings, for example `r=4`; may be empty.
  package let parameters: String
  /// The parameters that differ between rows of the same method; may be empty.
  package let shortParameters: String
  /// The parameters that differ between rows of the same method or, if none differs, how much is
  /// removed; may be empty.
  package let distinguishingParameters: String
  /// `nil` if no prediction is recorded.
  package let accuracy: AccuracyFigures?
  /// `nil` if no timing is recorded.
  package let latency: LatencyFigures?
  /// Relative to the baseline on the same images; `nil` for the baseline itself and if either is
  /// missing.
  package internal(set) var change: AccuracyChange?
  /// Relative to the baseline on the same device; `nil` for the baseline itself and if either is
  /// missing.
  package internal(set) var speedup: Speedup?
  /// The model that a model is compared with; `nil` if it is compared with no other model.
  var referenceModel: String?
  /// Relative to the baseline with explicit attention; `nil` for baselines and if it was not timed.
  package internal(set) var explicitSpeedup: Speedup?
  /// Relative to random removal at the same token counts, on the same images; `nil` without a
  /// control.
  package let control: AccuracyChange?
  /// How its accuracy was measured in a race; `nil` if every image was classified.
  package let race: RaceStanding?
  /// The number of tokens after the last block, including prefix tokens.
  package let tokensLeft: Int?
  /// The MACs of one image.
  package let macs: Int?
  /// The number of trainable parameters of the model.
  package let modelParameters: Int?
  /// The minimum number of bytes that the operations of one image read and write; `nil` in records
  /// of earlier versions.
  package let trafficBytes: Int?
  /// The number of operations of a pass; `nil` in records of earlier versions.
  package let launches: Int?
  /// Which kernels computed the attention; `nil` in records of earlier versions.
  package let attention: AttentionCost?
  /// The nearest decrease of latency that more pruning would reach; `nil` without a grid or a step.
  package let nextStep: NextStep?
  /// Whether no other row of the group is at least as accurate and as fast, and better in one of
  /// them.
  package internal(set) var isOnFront = false
  /// Why nothing is concluded from the row's timing or from its baseline's; empty if both are
  /// reliable.
  package let flaws: [TimingFlaw]
  /// Whether the row's timing or its baseline's has too few samples for a 95 % interval.
  package let hasFewSamples: Bool
  /// Notes on these numbers, each a clause without a full stop.
  package internal(set) var notes: [String]
  /// Those of `notes` that do not affect conclusions if the timing is reliable, such as outliers
  /// and drift.
  var lesserNotes: Set<String> = []

  /// The notes that a reader must know.
  var essentialNotes: [String] { notes.filter { !lesserNotes.contains($0) } }

  /// Whether the front, marks and steps may use the row's timing.
  package var isReliable: Bool { flaws.isEmpty && !hasFewSamples }

  /// Whether its accuracy is that of every image, or as precise as its race required.
  package var isWellKnown: Bool { accuracy?.isComplete == true || race?.stop == .narrow }

  /// Whether the row may be on the front: its accuracy is known, and its timing is reliable.
  var competes: Bool { isWellKnown && latency != nil && isReliable }

  /// Whether the row is kept from the front by its timing alone.
  ///
  /// It still keeps rows from the front that it seems to dominate: that nothing is faster and more
  /// accurate is not known of them.
  var isRival: Bool { isWellKnown && latency != nil && !isReliable }

  /// Whether it is the baseline, which reduces nothing.
  package var isBaseline: Bool { family == .baseline }

  /// The method's name followed by its parameters.
  package var label: String {
    let details = [reasons.words, parameters].compactMap { $0 }.filter { !$0.isEmpty }
    return ([method.name] + details).joined(separator: " ")
  }
}

/// How many images were classified correctly.
package struct AccuracyFigures: Hashable, Sendable {
  package let images: Int
  /// The number of images of the data set, after its limit.
  package let expectedImages: Int
  package let skippedImages: Int
  package let top1Correct: Int
  package let top5Correct: Int
  /// Wilson's 95 % interval in percent, or that of the race that stopped the row.
  package internal(set) var top1Interval: Interval
  /// The same for top-5.
  package internal(set) var top5Interval: Interval
  /// The estimate over all images, in percent, of a race that stopped the row.
  var top1Estimate: Double?
  var top5Estimate: Double?

  /// `nil` without images.
  init?(_ tally: AccuracyTally, expectedImages: Int) {
    guard let top1 = Interval.wilson(successes: tally.top1Correct, trials: tally.images),
      let top5 = Interval.wilson(successes: tally.top5Correct, trials: tally.images)
    else { return nil }
    images = tally.images
    self.expectedImages = expectedImages
    skippedImages = tally.skipped
    top1Correct = tally.top1Correct
    top5Correct = tally.top5Correct
    top1Interval = top1.scaled(by: 100)
    top5Interval = top5.scaled(by: 100)
  }

  package var top1Percent: Double { top1Estimate ?? 100 * Double(top1Correct) / Double(images) }
  package var top5Percent: Double { top5Estimate ?? 100 * Double(top5Correct) / Double(images) }
  /// Whether guessing one class of `classes` that are equally frequent could be as good, with 95 %
  /// confidence.
  package func isWithinChance(classes: Int) -> Bool {
    classes > 1 && top1Interval.lower <= 100 / Double(classes)
  }

  /// Whether every image was either classified or known to be unreadable.
  package var isComplete: Bool { images + skippedImages >= expectedImages }
}

/// The latency of a batch.
package struct LatencyFigures: Hashable, Sendable {
  /// Milliseconds per batch.
  package let milliseconds: Summary
  /// Images per second at the median latency.
  package let imagesPerSecond: Double
  package let peakMemoryBytes: Int
  package let environment: Environment
  /// What disturbed the timing; `nil` in records of earlier versions.
  package let quality: TimingQuality?
}

/// How a method's accuracy differs from the baseline's, image by image.
package struct AccuracyChange: Hashable, Sendable {
  package let outcomes: PairedOutcomes
  /// Percentage points, negative if the method loses accuracy.
  package let points: Double
  /// 95 % interval, in percentage points: a paired bootstrap, or a confidence sequence.
  package internal(set) var interval: Interval
  /// McNemar's mid-p value, which is meaningless if a race stopped early.
  package let midP: Double
  /// Whether the interval is a race's confidence sequence, which is valid for the whole data set at
  /// any time.
  package internal(set) var isSequential = false

  /// Whether chance alone could explain the difference at the 5 % level.
  package var isWithinNoise: Bool { isSequential ? interval.contains(0) : midP >= 0.05 }
}

/// The speed-up of a method relative to the baseline.
package struct Speedup: Hashable, Sendable {
  /// The median latency of the baseline divided by that of the method.
  package let ratio: Double
  /// 95 % bootstrap interval of the ratio.
  package let interval: Interval
  /// Whether both timings are reliable; otherwise nothing is concluded.
  package let isReliable: Bool

  /// Whether the interval contains 1.
  package var isWithinNoise: Bool { isReliable && interval.contains(1) }
  /// Whether the method is slower than the baseline beyond noise.
  package var isSlower: Bool { isReliable && interval.upper < 1 }
  /// Whether the method is faster than the baseline beyond noise.
  package var isFaster: Bool { isReliable && interval.lower > 1 }
}
