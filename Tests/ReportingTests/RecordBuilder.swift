import Measurement
import Records
import Support

@testable import Reporting

/// Builds records of an invented model with accuracies and latencies that a test chooses.
struct RecordBuilder {
  var model = ModelSetting(
    name: "demo_vit",
    architecture: ["embed_dim": .integer(96), "depth": .integer(12), "patch_size": .integer(8)],
    weights: WeightsSetting(name: "demo", digest: "d1"), tokens: 145, prefixTokens: 1)
  var dataset = DatasetSetting(
    name: "demo", layout: "demo", fingerprint: "f1", images: 400, classes: 10,
    preprocessing: "96x96")
  var device = DeviceSetting(name: "cpu", hardware: "Example CPU", threads: 2)
  var host = "host-a"
  var started = "2025-01-01T10:00:00Z"
  var batchSize = 1

  static let baseline = MethodSetting(name: "none", parameters: [:])

  /// The traits of the methods in these records.
  static let traits: [String: MethodTraits] = [
    "none": MethodTraits(family: .baseline, color: "#000000", order: 0),
    "none_explicit": MethodTraits(family: .baseline, color: "#4D4D4D", order: 1),
    "random": MethodTraits(family: .random, color: "#7F7F7F", order: 10),
    "topk": MethodTraits(family: .drop, color: "#56B4E9", order: 20),
    "evit": MethodTraits(family: .fuse, color: "#E69F00", order: 30),
    "tome": MethodTraits(family: .merge, color: "#009E73", order: 40),
    "tail_effect": MethodTraits(family: .latencyStep, color: "#D55E00", order: 50),
  ]

  static func method(_ name: String, _ parameters: [String: JSONValue] = [:]) -> MethodSetting {
    MethodSetting(name: name, parameters: parameters)
  }

  var environment: Environment {
    Environment(
      program: "lab 0.1.0", commit: "abc1234", host: host, system: "Debian 12",
      processor: "Example CPU", cores: 2, threads: 2, memoryBytes: 8_000_000_000,
      blas: "OpenBLAS 0.3.21 Haswell", driver: nil, clocksMHz: [], loadAverage: 0.1,
      started: started, durationSeconds: 1)
  }

  /// One record per shard.
  ///
  /// Image i has a fixed difficulty and is classified correctly if the method's accuracy exceeds
  /// it, except for a few percent of randomness that depends on the method.
  func accuracy(
    _ method: MethodSetting, correct: Double, shard: Int = 100, images: Range<Int>? = nil,
    tokensLeft: Int = 145, macs: Int = 500_000_000
  ) -> [Record] {
    let images = images ?? 0..<dataset.images
    return stride(from: images.lowerBound, to: images.upperBound, by: shard).map { first in
      let count = min(shard, images.upperBound - first)
      let indices = Array(first..<first + count)
      let trial = AccuracyTrial(
        model: model, method: method, dataset: dataset, precision: "float32", firstImage: first,
        imageCount: count)
      let result = AccuracyResult(
        topFive: indices.map { topFive(of: $0, method, correct) },
        labels: indices.map { $0 % dataset.classes }, imageIndices: indices, skipped: [],
        imagesPerSecond: 100, cost: cost(tokensLeft, macs))
      return Record(
        key: "a-\(text(method))-\(model.name)-\(dataset.fingerprint)-\(first)",
        measurement: .accuracy(trial, result), environment: environment,
        traits: Self.traits[method.name])
    }
  }

  /// A latency record whose samples vary by `spread` around `milliseconds`.
  func latency(
    _ method: MethodSetting, milliseconds: Double, spread: Double = 0.03, samples: Int = 60,
    rounds: Int = 10, tokensIn: Int = 145, tokensLeft: Int = 145, macs: Int = 500_000_000,
    notes: [String] = []
  ) -> Record {
    let trial = latencyTrial(method)
    let key = "l-\(text(method))-\(model.name)-\(device.name)-\(batchSize)"
    var generator = SplitMix64(seedText: key)
    let values = (0..<samples).map { _ in
      (milliseconds * (1 + spread * abs(generator.normal())) * 1000).rounded() / 1000
    }
    var cost = cost(tokensLeft, macs)
    for block in 0..<3 { cost.tokensAfterBlocks[block] = tokensIn }
    return Record(
      key: key,
      measurement: .latency(
        trial,
        LatencyResult(
          samplesMilliseconds: values, rounds: (0..<samples).map { $0 * rounds / samples },
          notes: notes, peakMemoryBytes: 120_000_000, cost: cost)), environment: environment,
      traits: Self.traits[method.name])
  }

  func failedLatency(_ method: MethodSetting, message: String) -> Record {
    Record(
      key: "l-\(text(method))-\(model.name)-\(device.name)-\(batchSize)",
      measurement: .failedLatency(latencyTrial(method), FailureResult(message: message)),
      environment: environment, traits: Self.traits[method.name])
  }

  private func latencyTrial(_ method: MethodSetting) -> LatencyTrial {
    var model = model
    model.weights = nil
    return LatencyTrial(
      model: model, method: method, device: device, precision: "float32", batchSize: batchSize,
      timing: TimingSetting(warmup: 3, minSeconds: 1, minSamples: 30))
  }

  private func cost(_ tokensLeft: Int, _ macs: Int) -> ForwardCost {
    ForwardCost(
      tokensAfterBlocks: Array(repeating: tokensLeft, count: 12), macs: macs,
      parameters: 1_400_000)
  }

  private func topFive(of image: Int, _ method: MethodSetting, _ correct: Double) -> [Int] {
    var difficulty = SplitMix64(seedText: "image \(image)")
    var luck = SplitMix64(seedText: "\(text(method)) \(image)")
    let shifted = difficulty.uniform() + 0.04 * (luck.uniform() - 0.5)
    let label = image % dataset.classes
    let others = (1...5).map { (label + $0) % dataset.classes }
    if shifted < correct { return [label] + others.prefix(4) }
    return shifted < correct + 0.1 ? [others[0], label] + others[1..<4] : others
  }

  private func text(_ method: MethodSetting) -> String {
    let parameters = method.parameters.sorted { $0.key < $1.key }
    return method.name + parameters.map { ";\($0.key)=\($0.value)" }.joined()
  }
}

extension RecordBuilder {
  /// Records of a run with every method at several settings and two batch sizes.
  static func comparison() -> [Record] {
    var records: [Record] = []
    var builder = RecordBuilder()
    builder.dataset.images = 2000
    let settings: [(MethodSetting, correct: Double, tokens: Int, time: Double)] =
      [(baseline, 0.92, 145, 1)]
      + [(2, 0.90, 121, 0.96), (4, 0.86, 97, 0.89), (8, 0.70, 49, 0.70)].map {
        (method("topk", ["r": .integer($0.0)]), $0.1, $0.2, $0.3)
      }
      + [(2, 0.915, 121, 1.06), (4, 0.91, 97, 1.01), (8, 0.88, 49, 0.83)].map {
        (
          method("tome", ["r": .integer($0.0), "proportional_attention": .boolean(true)]), $0.1,
          $0.2, $0.3
        )
      }
      + [(0.9, 0.917, 110, 0.93), (0.7, 0.905, 53, 0.75), (0.5, 0.85, 22, 0.62)].map {
        (
          method(
            "evit",
            [
              "keep_rate": .number($0.0),
              "layers": .array([.integer(3), .integer(6), .integer(9)]),
            ]
          ), $0.1, $0.2, $0.3
        )
      }
      + [(36, 0.918, 109, 0.82), (72, 0.912, 73, 0.66), (108, 0.84, 37, 0.5)].map {
        (
          method(
            "tail_effect",
            ["r": .integer($0.0), "layer": .integer(3), "feature": .string("v")]),
          $0.1, $0.2, $0.3
        )
      }
      + [(36, 0.85, 109, 0.75), (72, 0.74, 73, 0.53)].map {
        (method("random", ["r": .integer($0.0), "seed": .integer(0)]), $0.1, $0.2, $0.3)
      }
    for setting in settings {
      let macs = Int(5e8 * setting.time)
      builder.batchSize = 1
      records += builder.accuracy(
        setting.0, correct: setting.correct, shard: 500, tokensLeft: setting.tokens, macs: macs)
      for (batch, base) in [(1, 12.0), (4, 41.0)] {
        builder.batchSize = batch
        records.append(
          builder.latency(
            setting.0, milliseconds: base * (batch == 1 ? setting.time * 0.8 + 0.2 : setting.time),
            tokensLeft: setting.tokens, macs: macs))
      }
    }
    return records
  }

  /// The rows of `comparison`, as a spec would request them.
  static var comparedRows: [RowKey] {
    var methods: [MethodSetting] = []
    for case .accuracy(let trial, _) in comparison().map(\.measurement)
    where !methods.contains(trial.method) {
      methods.append(trial.method)
    }
    return methods.map { RowKey(model: RecordBuilder().model, method: $0) }
  }

  /// Latency records of `random` at every `step` tokens with steps at multiples of 32.
  static func staircase(batchSizes: [Int] = [1], step: Int = 4) -> [Record] {
    var builder = RecordBuilder()
    builder.started = "2025-01-01T11:00:00Z"
    return batchSizes.flatMap { batch in
      builder.batchSize = batch
      return stride(from: 0, through: 128, by: step).map { r in
        let tokens = 145 - r
        let waves = Double((tokens + 31) / 32)
        return builder.latency(
          method("random", ["r": .integer(r), "seed": .integer(0)]),
          milliseconds: Double(batch) * (2 * waves + 0.012 * Double(tokens)), tokensIn: tokens,
          tokensLeft: tokens)
      }
    }
  }
}

extension RecordBuilder {
  /// A run small enough to be stored: four methods, one failure, a grid of five token counts.
  static func small() -> [Record] {
    var builder = RecordBuilder()
    builder.dataset.images = 60
    let tailEffect = method("tail_effect", ["r": .integer(72), "layer": .integer(3)])
    let topk = [4, 8].map { method("topk", ["r": .integer($0)]) }
    var records = builder.accuracy(baseline, correct: 0.93, shard: 30)
    records += builder.accuracy(topk[0], correct: 0.85, shard: 30, tokensLeft: 97)
    records += builder.accuracy(topk[1], correct: 0.7, images: 0..<30, tokensLeft: 49)
    records += builder.accuracy(tailEffect, correct: 0.92, shard: 30, tokensLeft: 73)
    records.append(builder.latency(baseline, milliseconds: 12, samples: 12, rounds: 6))
    records.append(
      builder.latency(
        topk[0], milliseconds: 12.6, samples: 12, rounds: 6, tokensLeft: 97,
        macs: 420_000_000, notes: ["2 of 12 samples are outliers"]))
    records.append(builder.failedLatency(topk[1], message: "the device ran out of memory"))
    records.append(
      builder.latency(
        tailEffect, milliseconds: 8, samples: 12, rounds: 6, tokensLeft: 73, macs: 320_000_000))
    records += [0, 36, 72, 90, 108].map { r in
      builder.latency(
        method("random", ["r": .integer(r), "seed": .integer(0)]),
        milliseconds: 3 + 0.06 * Double(145 - r), samples: 12, rounds: 6, tokensIn: 145 - r,
        tokensLeft: 145 - r)
    }
    return records
  }
}

extension RecordBuilder {
  /// A smaller data set on which grids are evaluated.
  static var gridDataset: DatasetSetting {
    var dataset = RecordBuilder().dataset
    dataset.images = 200
    dataset.fingerprint = "f2"
    return dataset
  }

  /// The grids of a tail-effect search and the schedules that were measured for some α.
  static func search(schedules: [Int] = [20, 52, 84, 116], batchSizes: [Int] = [1]) -> [Record] {
    var builder = RecordBuilder()
    var records = staircase(batchSizes: batchSizes)
    builder.dataset = gridDataset
    records += builder.accuracy(baseline, correct: 0.93)
    for r in stride(from: 4, through: 128, by: 4) {
      let tokens = 145 - r
      let lost = Double(r) / 145
      records += builder.accuracy(
        method("random", ["r": .integer(r), "seed": .integer(0)]),
        correct: 0.93 - 0.75 * lost * lost, tokensLeft: tokens)
    }
    builder.dataset = RecordBuilder().dataset
    records += builder.accuracy(baseline, correct: 0.93)
    for r in schedules {
      let setting = method("tail_effect", ["r": .integer(r), "layer": .integer(3)])
      let tokens = 145 - r
      records += builder.accuracy(
        setting, correct: 0.93 - 0.0004 * Double(r), tokensLeft: tokens)
      for batch in batchSizes {
        builder.batchSize = batch
        records.append(
          builder.latency(
            setting, milliseconds: Double(batch) * (3 + 0.065 * Double(tokens)),
            tokensLeft: tokens))
      }
    }
    for batch in batchSizes {
      builder.batchSize = batch
      records.append(builder.latency(baseline, milliseconds: Double(batch) * 12.1))
    }
    return records
  }
}
