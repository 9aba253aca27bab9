import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct RowsFileTests {
  private static let row = PlannedRow(
    model: RecordSamples.model, method: RecordSamples.latencyTrial(r: 3).method,
    reason: .latencyTarget(milliseconds: 3), dataset: nil,
    device: RecordSamples.latencyTrial(r: 3).device, batchSize: 1, precision: "float32")

  @Test func `rows are read back as stored`() throws {
    let folder = try TemporaryFolder()
    try RowsFile.write([Self.row], to: folder.url)
    #expect(RowsFile.read(folder.url) == [Self.row])
  }

  /// An earlier version stored the reason of a row as text, and alpha next to it.
  @Test(arguments: [
    (#""alpha":0.5,"origin":"α=0.5","#, RowReason.alpha(0.5)),
    (#""origin":"≤ 3 ms","#, .text("≤ 3 ms")), ("", nil),
  ])
  func `rows of an earlier version are still read`(stored: String, reason: RowReason?) throws {
    let folder = try TemporaryFolder()
    let line =
      #"{"batch_size":1,"method":{"name":"random","parameters":{"r":3}},"model":{"architecture":{},"name":"vit","prefix_tokens":1,"tokens":10},\#(stored)"precision":"float32"}"#
    try Data("[\n\(line)\n]\n".utf8).write(to: folder.url.appendingPathComponent("rows.json"))
    let rows = try #require(RowsFile.read(folder.url))
    #expect(rows.map(\.reason) == [reason])
  }
}

@Suite struct RecordTraitsTests {
  @Test func `a record contains its method's traits`() throws {
    let folder = try TemporaryFolder()
    let store = try RecordStore(folder: folder.url, host: "h", process: 1)
    try store.append(RecordSamples.latency(r: 3), environment: RecordSamples.environment())
    let line = try String(
      contentsOf: folder.url.appendingPathComponent("latency-h-1.jsonl"), encoding: .utf8)
    #expect(line.contains(##""traits":{"color":"#7F7F7F","family":"random","order":10}"##))
  }

  @Test func `a record of an earlier version gets the traits of its method`() throws {
    let line = try RecordSamples.line(RecordSamples.latency(r: 3))
    #expect(!line.contains("traits"))
    let record = try RecordLine.read(Array(line.dropLast().utf8), with: LineDecoder()).record
    #expect(record.traits?.family == .random)
  }

  @Test func `a cut schedule of a record of an earlier version is found`() throws {
    guard case .accuracy(var trial, var result) = RecordSamples.accuracy(correct: true) else {
      Issue.record("no accuracy")
      return
    }
    trial.method = MethodSetting(name: "topk", parameters: ["r": .integer(6)])
    result.cost.tokensAfterBlocks = [4, 2]
    let line = try RecordSamples.line(.accuracy(trial, result))
    #expect(!line.contains("\"cut\""))
    let record = try RecordLine.read(Array(line.dropLast().utf8), with: LineDecoder()).record
    guard case .accuracy(_, let read) = record.measurement else {
      Issue.record("\(record)")
      return
    }
    #expect(read.cost.cut == ScheduleCut(r: 6, block: 1, removed: 2))
  }
}
