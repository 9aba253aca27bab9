import Foundation
import Records
import Tensors
import Testing
import TokenReduction
import VisionModels

@testable import SimulatedDevices

/// Latencies of a CPU in `Benchmarks/results`, measured with `Benchmarks/peers.py`.
@Suite struct ProcessorTests {
  private static let results = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Benchmarks/results")

  /// The lines of a table of this program with two threads, by columns.
  private static func lines(_ name: String) throws -> [[String]] {
    let text = try String(contentsOf: results.appendingPathComponent(name), encoding: .utf8)
    return text.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }.filter { $0.count > 5 && $0[2] == "2" && $0[3] == "lab" }
  }

  /// Parses a method such as `tail_effect r=98 layer=3`.
  private static func method(_ text: String, _ geometry: TokenGeometry) throws -> MethodSetting {
    let words = text.split(separator: " ")
    let method = try #require(TokenReductionRegistry.method(named: String(words[0])))
    var parameters: [String: JSONValue] = [:]
    for word in words.dropFirst() {
      let parts = word.split(separator: "=")
      let number = try #require(Double(parts[1]))
      parameters[String(parts[0])] = Int(parts[1]).map { .integer($0) } ?? .number(number)
    }
    return try TokenReductionRegistry.resolve(
      method: method, parameters: parameters, geometry: geometry)
  }

  @Test func `measured latencies of DeiT-T, S and B are predicted with a median error within 10 %`()
    throws
  {
    let processor = DeviceDescription.processor(name: "cpu", hardware: "", threads: 2)
    let model = try CostModel(device: processor, execution: .graph)
    let rows =
      try Self.lines("peers.csv").map { ($0[0], $0[1], "none", $0[4]) }
      + Self.lines("methods.csv").map { ($0[0], $0[1], $0[4], $0[5]) }
    let points = try rows.enumerated().map { index, row in
      let entry = try #require(ModelRegistry.entry(named: row.0))
      let method = try Self.method(row.2, try #require(entry.info.geometry))
      return CalibrationPoint(
        label: "\(row.0) \(row.2)", modelName: row.0, milliseconds: try #require(Double(row.3)),
        pass: try model.pass(
          entry, entry.composition(for: method), batchSize: try #require(Int(row.1))),
        model: model, group: index)
    }
    #expect(points.count >= 15)
    let unseen = Calibration(points: points, start: processor.constants).crossValidated()
    let error = try #require(Calibration.error(unseen))
    #expect(error.points == points.count)
    #expect(error.medianPercent <= 10)
  }

  @Test
  func
    `held-out token counts of measured staircases are predicted with a median error within 10 %`()
    throws
  {
    let text = try String(
      contentsOf: Self.results.appendingPathComponent("cpu_staircases.csv"), encoding: .utf8)
    let rows = text.split(separator: "\n").dropFirst().map {
      $0.split(separator: ",").map(String.init)
    }
    #expect(rows.count >= 50)
    // The fastest row, DeiT-B at batch 4, ran 4 · 2 · 17.6 billion operations in 326 ms.
    let processor = DeviceDescription.processor(
      name: "cpu", hardware: "", threads: 2, fastestTeraflops: 0.43)
    let model = try CostModel(device: processor, execution: .graph)
    let points = try rows.map { row in
      let entry = try #require(ModelRegistry.entry(named: row[0]))
      let tokens = try #require(Int(row[2]))
      let method = MethodSetting(
        name: RandomRemoval.name, parameters: ["r": .integer(entry.info.tokens.tokens - tokens)])
      return CalibrationPoint(
        label: row.joined(separator: " "), modelName: row[0],
        milliseconds: try #require(Double(row[3])),
        pass: try model.pass(
          entry, entry.composition(for: method), batchSize: try #require(Int(row[1]))),
        model: model, group: tokens)
    }
    let unseen = Calibration(points: points, start: processor.constants).crossValidated()
    let error = try #require(Calibration.error(unseen))
    #expect(error.points == rows.count)
    #expect(error.medianPercent <= 10)
    #expect(error.worstPercent <= 30)
  }
}
