import Measurement
import Records
import Support

/// Median latency over the number of tokens of one model on one device at one batch size.
///
/// It comes from latency records of random removal, which drops tokens before the first block, so
/// every block processes the same number of tokens.
package struct Staircase: Sendable {
  /// One measured token count.
  package struct Point: Hashable, Sendable {
    /// The number of tokens in every block, including prefix tokens.
    package let tokens: Int
    /// Milliseconds per batch.
    package let milliseconds: Summary
    /// What disturbed the timing; `nil` in records of earlier versions.
    package let quality: TimingQuality?
    /// Why it is not used to find steps; empty if it is reliable.
    package let flaws: [TimingFlaw]
    /// Whether its samples are too few for an interval of 95 %.
    package let hasFewSamples: Bool
    /// The operations of a prediction; `nil` if it was measured.
    package let predicted: [PredictedOperation]?
    /// The kernels that ran on a GPU; `nil` if they are not known.
    package let kernels: [KernelLaunch]?

    package var isReliable: Bool { flaws.isEmpty && !hasFewSamples }
  }

  /// With fewer token counts, it is a comparison of methods and not a grid.
  package static let minPoints = 4
  /// Resampled curves for the intervals of steps.
  private static let replicates = 200

  package let model: ModelIdentity
  package let device: DeviceSetting
  package let batchSize: Int
  package let precision: String
  /// By increasing token count.
  package let points: [Point]
  /// Resampled medians of the reliable points by token count, the same number for each.
  let resampled: [Int: [Double]]
  /// The steps of the latency, by increasing token count; empty if too many points are unreliable.
  package let steps: [Step]

  /// The staircases in `joined`, ordered by model, device and batch size.
  static func all(in joined: JoinedRecords) -> [Staircase] {
    typealias Grid = [Int: JoinedRecords.Timing]
    var byEffort: [JoinedRecords.LatencyKey: [TimingSetting: Grid]] = [:]
    // Sorted, so that the same of several seeds at one token count is always chosen.
    for (key, timings) in joined.grids.sorted(by: {
      joined.catalog.precedes($0.key.method, $1.key.method)
    }
    ) {
      for (effort, timing) in timings {
        guard let tokens = timing.result.cost.tokensAfterBlocks.first else { continue }
        byEffort[key.place, default: [:]][effort, default: [:]][tokens, default: timing] = timing
      }
    }
    // Points with the same timing settings form one grid, as in the search; of several, the one
    // with the most token counts is used.
    var grids = byEffort.compactMapValues { grids in
      grids.max {
        ($0.value.count, $0.key.minSeconds, $0.key.minSamples)
          < ($1.value.count, $1.key.minSeconds, $1.key.minSamples)
      }?.value
    }
    for (key, timing) in joined.latencies where joined.catalog.isBaseline(key.method) {
      guard grids[key.place] != nil, grids[key.place]?[key.model.tokens] == nil else { continue }
      grids[key.place]?[key.model.tokens] = timing
    }
    return grids.compactMap { Staircase($0, $1) }
      .sorted { $0.order.lexicographicallyPrecedes($1.order) }
  }

  private init?(_ place: JoinedRecords.LatencyKey, _ timings: [Int: JoinedRecords.Timing]) {
    var points: [Point] = []
    var curves = [[Double]](repeating: [], count: Self.replicates)
    var medians: [Int: [Double]] = [:]
    for (tokens, timing) in timings.sorted(by: { $0.key < $1.key }) {
      var generator = SplitMix64(seedText: timing.key)
      guard let summary = Summary(timing.result.samplesMilliseconds),
        let resampled = BootstrapMedians(
          samples: timing.result.samplesMilliseconds, rounds: timing.result.rounds,
          replicates: Self.replicates, using: &generator)
      else { continue }
      points.append(
        Point(
          tokens: tokens, milliseconds: summary, quality: timing.result.quality,
          flaws: timing.flaws, hasFewSamples: timing.hasFewSamples,
          predicted: timing.result.predicted, kernels: timing.result.kernels))
      guard timing.isReliable else { continue }
      medians[tokens] = resampled.medians
      for (i, median) in resampled.medians.enumerated() { curves[i].append(median) }
    }
    guard points.count >= Self.minPoints else { return nil }
    model = place.model
    device = place.device
    batchSize = place.batchSize
    precision = place.precision
    self.points = points
    self.resampled = medians
    let sound = points.filter(\.isReliable)
    steps =
      Reliability.suffices(sound: sound.count, of: points.count)
      ? StepDetector(positions: sound.map(\.tokens))
        .steps(in: sound.map(\.milliseconds.median), resampled: curves) : []
  }

  /// The median latency in milliseconds per batch of the first measured token count that is at
  /// least `tokens`; `nil` beyond the grid.
  ///
  /// It does not interpolate, because there may be a step between two points.
  func median(from tokens: Int) -> Double? {
    points.first { $0.tokens >= tokens }?.milliseconds.median
  }

  /// The operations that cause a step of a predicted staircase, the largest part first; empty if it
  /// was measured.
  func causes(of step: Step) -> [String] {
    func predicted(_ tokens: Int) -> [PredictedOperation] {
      points.first { $0.tokens == tokens }?.predicted ?? []
    }
    return PredictedChange.all(from: predicted(step.after), to: predicted(step.before)).prefix(3)
      .map(\.text)
  }

  /// The differences between the GPU's kernels on both sides of a measured step; empty if they are
  /// not known.
  ///
  /// Without a time for each kernel, these are only possible causes; different kernels come first.
  func changes(at step: Step) -> [String] {
    func kernels(_ tokens: Int) -> [KernelLaunch] {
      points.first { $0.tokens == tokens }?.kernels ?? []
    }
    return KernelChange.all(from: kernels(step.before), to: kernels(step.after)).prefix(3)
      .map(\.text)
  }

  /// Whether too many points are unreliable to find steps.
  var isDoubtful: Bool {
    !Reliability.suffices(sound: points.count(where: \.isReliable), of: points.count)
  }

  /// Whether the grid was measured with the model, device and batch size of `group`.
  func belongs(to group: RowGroup) -> Bool {
    model == group.model && device == group.device && batchSize == group.batchSize
      && precision == group.precision
  }

  private var order: [String] {
    let batch = String(batchSize)
    let padded = String(repeating: "0", count: max(0, 9 - batch.count)) + batch
    return [
      model.sortText, device.name, device.hardware, String(device.threads), precision, padded,
    ]
  }
}

extension MethodSetting {
  /// Represents all methods of one grid in a key.
  static let any = MethodSetting(name: "", parameters: [:])
}

extension JoinedRecords.LatencyKey {
  /// The key without the method, which all points of one grid share.
  fileprivate var place: Self {
    Self(
      model: model, method: .any, device: device,
      batchSize: batchSize, precision: precision)
  }
}
