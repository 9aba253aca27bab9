import Foundation
import Testing

@testable import Records

@Suite struct RecordTests {
  static let model = ModelSetting(
    name: "deit_tiny_patch16_224", architecture: ["depth": .integer(12)], weights: nil, tokens: 197,
    prefixTokens: 1)
  static let method = MethodSetting(name: "topk", parameters: ["r": .integer(8)])
  static let environment = Environment(
    program: "0.1.0", commit: "abc", host: "h", system: "Linux", processor: "p", cores: 2,
    threads: 2, memoryBytes: 1, blas: "b", driver: nil, clocksMHz: [3000], loadAverage: 0.5,
    started: "2026-01-01T00:00:00Z", durationSeconds: 1.5)
  static let latency = LatencyTrial(
    model: model, method: method, device: DeviceSetting(name: "cpu", hardware: "p", threads: 2),
    precision: "float32", batchSize: 4,
    timing: TimingSetting(warmup: 3, minSeconds: 0.5, minSamples: 10))
  static let cost = ForwardCost(
    tokensAfterBlocks: [189, 181], macs: 5, parameters: 6,
    cut: ScheduleCut(r: 8, block: 1, removed: 4))

  static let measurements: [Record.Measurement] = [
    .latency(
      latency,
      LatencyResult(
        samplesMilliseconds: [1.25, 1.5], rounds: [0, 1], notes: ["n"], peakMemoryBytes: 7,
        cost: cost)),
    .latency(
      latency,
      LatencyResult(
        samplesMilliseconds: [1.25, 1.5], rounds: [0, 2], notes: [], peakMemoryBytes: 7, cost: cost,
        quality: TimingQuality(
          counters: .read, rounds: 3,
          disturbed: [
            DisturbedRound(
              round: 1, reasons: [.otherProcesses, .runQueueWait], share: 0.4,
              droppedMilliseconds: [9.5])
          ], flaws: [.wideInterval]))),
    .failedLatency(latency, FailureResult(message: "m")),
    .accuracy(
      AccuracyTrial(
        model: model, method: method,
        dataset: DatasetSetting(
          name: "demo", layout: "demo", fingerprint: "f", images: 10, classes: 10,
          preprocessing: "none"), precision: "float32", firstImage: 0, imageCount: 2),
      AccuracyResult(
        topFive: [[1, 2], [2, 1]], labels: [1, 1], imageIndices: [0, 1],
        skipped: [SkippedImage(path: "a", reason: "b")], imagesPerSecond: 9, cost: cost)),
  ]

  @Test(arguments: measurements)
  func `a record is read back unchanged`(measurement: Record.Measurement) throws {
    let record = Record(
      key: "k", measurement: measurement, environment: Self.environment,
      traits: MethodTraits(family: .drop, color: "#56B4E9", order: 20))
    let line = try JSONEncoder().encode(record)
    #expect(try JSONDecoder().decode(Record.self, from: line) == record)
  }

  @Test func `an unknown family counts as other`() throws {
    let line = ##"{"family": "later", "color": "#000000", "order": 1}"##
    let traits = try JSONDecoder().decode(MethodTraits.self, from: Data(line.utf8))
    #expect(traits.family == .other)
  }

  @Test(arguments: ["red", "#12345", "#12345G", "#123456\"/>"])
  func `an invalid color is out of bounds`(color: String) {
    let record = Record(
      key: "k", measurement: Self.measurements[0], environment: Self.environment,
      traits: MethodTraits(family: .drop, color: color, order: 1))
    #expect(record.outOfBounds == "traits.color is no color such as #D55E00")
  }

  @Test(arguments: [
    RowReason.alpha(0.5), .latencyTarget(milliseconds: 3), .accuracyDropTarget(points: 1),
    .latencyMatch(of: method, difference: -0.01), .text("α=0.5"),
  ])
  func `a reason is read back unchanged`(reason: RowReason) throws {
    let data = try JSONEncoder().encode(reason)
    #expect(try JSONDecoder().decode(RowReason.self, from: data) == reason)
  }

  @Test func `what disturbed a timing is data, by name`() throws {
    let quality = TimingQuality(
      counters: .unavailable, rounds: 4,
      disturbed: [DisturbedRound(round: 3, reasons: Disturbance.allCases, share: 0.5)],
      flaws: TimingFlaw.allCases)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    #expect(
      String(decoding: try encoder.encode(quality), as: UTF8.self)
        == #"{"counters":"unavailable","disturbed":[{"reasons":["stolen_time","other_processes","#
        + #""run_queue_wait","preemption"],"round":3,"share":0.5}],"flaws":["most_rounds_disturbed","#
        + #""wide_interval"],"rounds":4}"#)
  }

  @Test func `records without disturbance data are read, with unchanged trials`()
    throws
  {
    let old =
      #"{"samples_ms":[1],"rounds":[0],"notes":[],"peak_memory_bytes":1,"cost":{"macs":1,"parameters":1,"tokens_after_blocks":[1]}}"#
    let result = try JSONDecoder().decode(LatencyResult.self, from: Data(old.utf8))
    #expect(result.quality == nil)
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // Keys are hashes of this text, so values that a spec does not set must not be in it.
    #expect(
      String(decoding: try encoder.encode(Self.latency.timing), as: UTF8.self)
        == #"{"min_samples":10,"min_seconds":0.5,"warmup":3}"#)
  }

  @Test func `an impossible quality is detected`() {
    func quality(_ rounds: Int, _ disturbed: [DisturbedRound]) -> TimingQuality {
      TimingQuality(counters: .read, rounds: rounds, disturbed: disturbed)
    }
    func round(_ number: Int, _ share: Double = 0.5, _ dropped: [Double]? = nil) -> DisturbedRound {
      DisturbedRound(
        round: number, reasons: [.runQueueWait], share: share, droppedMilliseconds: dropped)
    }
    #expect(quality(2, [round(0), round(1, 1, [3])]).isConsistent)
    #expect(!quality(2, [round(2)]).isConsistent)
    #expect(!quality(2, [round(1), round(1)]).isConsistent)
  }

  @Test func `JSON values distinguish integers, numbers and Booleans`() throws {
    let text = #"{"a":[1,1.5,true,null,"x"],"b":{"c":-3}}"#
    let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    #expect(
      value
        == .object([
          "a": .array([.integer(1), .number(1.5), .boolean(true), .null, .string("x")]),
          "b": .object(["c": .integer(-3)]),
        ]))
    #expect(value.text == #"{"a": [1, 1.5, true, null, "x"], "b": {"c": -3}}"#)
  }
}
