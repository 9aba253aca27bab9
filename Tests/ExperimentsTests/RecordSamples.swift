import Foundation
import Records

@testable import Experiments

/// Records of invented trials with correct keys.
enum RecordSamples {
  static let model = ModelSetting(
    name: "vit", architecture: ["depth": .integer(2)],
    weights: WeightsSetting(name: "w", digest: "00"), tokens: 10, prefixTokens: 1)

  static func environment(
    program: String = Program.version, started: String = "2026-01-01T00:00:00.000Z"
  ) -> Environment {
    Environment(
      program: program, commit: "", host: "h", system: "s", processor: "p", cores: 2, threads: 2,
      memoryBytes: 1, blas: "b", driver: nil, clocksMHz: [], loadAverage: nil, started: started,
      durationSeconds: 1)
  }

  static func latencyTrial(r: Int, batchSize: Int = 1) -> LatencyTrial {
    LatencyTrial(
      model: model, method: MethodSetting(name: "random", parameters: ["r": .integer(r)]),
      device: DeviceSetting(name: "cpu", hardware: "p", threads: 2), precision: "float32",
      batchSize: batchSize, timing: TimingSetting(warmup: 1, minSeconds: 0.5, minSamples: 2))
  }

  static func latency(r: Int, milliseconds: [Double] = [1, 2, 3]) -> Record.Measurement {
    .latency(
      latencyTrial(r: r),
      LatencyResult(
        samplesMilliseconds: milliseconds, rounds: milliseconds.map { _ in 0 }, notes: [],
        peakMemoryBytes: 1,
        cost: ForwardCost(tokensAfterBlocks: [10 - r], macs: 1, parameters: 1)))
  }

  static func failedLatency(r: Int) -> Record.Measurement {
    .failedLatency(latencyTrial(r: r), FailureResult(message: "no memory"))
  }

  static func accuracy(correct: Bool) -> Record.Measurement {
    .accuracy(
      AccuracyTrial(
        model: model, method: MethodSetting(name: "none", parameters: [:]),
        dataset: DatasetSetting(
          name: "d", layout: "l", fingerprint: "f", images: 2, classes: 3, preprocessing: "p"),
        precision: "float32", firstImage: 0, imageCount: 2),
      AccuracyResult(
        topFive: [[0, 1, 2], [1, 2, 0]], labels: correct ? [0, 1] : [2, 0], imageIndices: [0, 1],
        skipped: [], imagesPerSecond: 1,
        cost: ForwardCost(tokensAfterBlocks: [10], macs: 1, parameters: 1)))
  }

  /// The line of a record, as text.
  static func line(
    _ measurement: Record.Measurement, key: String? = nil, schema: Int = Record.currentSchema,
    environment: Environment = environment()
  ) throws -> String {
    let record = Record(
      schema: schema, key: key ?? RecordLine.key(of: measurement), measurement: measurement,
      environment: environment)
    return String(decoding: try RecordLine.data(record), as: UTF8.self)
  }
}
