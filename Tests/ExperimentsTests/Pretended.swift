import Foundation
import Records
import Support

@testable import Experiments

/// Answers a planner's trials with results that a test chooses, without computing anything.
struct Pretended {
  let planner: Planner
  var records: [String: Record] = [:]
  /// Whether a method classifies an image correctly; the image is given by its index in the data
  /// set's own order.
  let isRight: (MethodSetting, Int) -> Bool
  let milliseconds: (MethodSetting) -> Double

  init(
    _ spec: String, isRight: @escaping (MethodSetting, Int) -> Bool,
    milliseconds: @escaping (MethodSetting) -> Double
  ) throws {
    planner = try Planner(
      try SpecReader.read(try SpecSource(text: spec, file: "micro.json")), site: MicroRun.site)
    self.isRight = isRight
    self.milliseconds = milliseconds
  }

  func plan() throws -> Plan { try planner.plan(result: { records[$0] }) }

  /// Plans and answers until nothing is open; returns the number of rounds.
  @discardableResult
  mutating func run() throws -> (plan: Plan, rounds: Int) {
    for round in 0..<10_000 {
      let plan = try plan()
      let open = plan.latency + (plan.pending.isEmpty && plan.matching == 0 ? plan.waiting : [])
      var isDone = true
      for trial in open.flatMap(\.trials) where records[trial.key] == nil {
        answer(trial)
        isDone = false
      }
      for trial in plan.accuracy.flatMap(\.trials) where records[trial.key] == nil {
        answer(trial)
        isDone = false
      }
      if isDone { return (plan, round) }
    }
    throw ExperimentsError.interrupted
  }

  /// The number of images per setting of a method.
  func images(of method: String) -> [MethodSetting: Int] {
    var images: [MethodSetting: Int] = [:]
    for case .accuracy(let trial, let result) in records.values.map(\.measurement)
    where trial.method.name == method {
      images[trial.method, default: 0] += result.labels.count
    }
    return images
  }

  private mutating func answer(_ trial: PlannedLatency) {
    let time = milliseconds(trial.trial.method)
    store(
      .latency(
        trial.trial,
        LatencyResult(
          samplesMilliseconds: [time, time, time], rounds: [0, 0, 0], notes: [],
          peakMemoryBytes: 1, cost: cost(trial.method))))
  }

  private mutating func answer(_ trial: PlannedAccuracy) {
    let images = Array(trial.trial.firstImage..<(trial.trial.firstImage + trial.trial.imageCount))
    let right = images.map { isRight(trial.trial.method, $0) }
    store(
      .accuracy(
        trial.trial,
        AccuracyResult(
          topFive: right.map { $0 ? [0, 1] : [1, 0] }, labels: images.map { _ in 0 },
          imageIndices: images, skipped: [], imagesPerSecond: 1, cost: cost(trial.method))))
  }

  private func cost(_ method: PlannedMethod) -> ForwardCost {
    ForwardCost(
      tokensAfterBlocks: method.composition.tokensAfterBlocks, macs: 1, parameters: 1)
  }

  private mutating func store(_ measurement: Record.Measurement) {
    let key = RecordLine.key(of: measurement)
    records[key] = Record(
      key: key, measurement: measurement, environment: RecordSamples.environment())
  }
}

extension Pretended {
  /// Whether an image is classified correctly.
  ///
  /// Its difficulty is the same for every method.
  ///
  /// Less accurate methods fail on easier images, with some randomness per method.
  static func isRight(
    _ image: Int, accuracy: Double, luck: Double = 0.02, _ method: MethodSetting
  ) -> Bool {
    // The order of a dictionary's description differs between processes, and between equal
    // dictionaries.
    let parameters = method.parameters.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let name = "\(method.name) \(parameters.joined(separator: " "))"
    var difficulty = SplitMix64(seedText: "image \(image)")
    var own = SplitMix64(seedText: "\(name) \(image)")
    return difficulty.uniform() + luck * (own.uniform() - 0.5) < accuracy
  }
}
