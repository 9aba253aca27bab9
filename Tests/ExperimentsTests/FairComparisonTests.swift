import Foundation
import Records
import Testing
import TokenReduction

@testable import Experiments

/// The control and the second baseline: rows that a spec gets in addition to those that it lists.
@Suite struct FairComparisonTests {
  private static let methods =
    #""methods": [{"method": "none"}, {"method": "tome", "r": 3}, {"method": "topk", "r": 2}]"#

  @Test func `a control removes as many tokens at the same blocks and is listed below its method`()
    throws
  {
    let folder = try TemporaryFolder()
    let spec = MicroRun.spec(Self.methods + #", "control": true, "seed": 4"#)
    let run = try MicroRun(spec, in: folder)
    let summary = try run.runner.run()
    #expect(summary.failures == [])
    #expect(
      summary.rows.map(\.method.name)
        == ["none", "none_explicit", "tome", "random", "topk", "random"])
    var counts: [MethodSetting: Set<[Int]>] = [:]
    for case .accuracy(let trial, let result) in run.store.records.map(\.measurement) {
      counts[trial.method, default: []].insert(result.cost.tokensAfterBlocks)
    }
    for (row, control) in zip(summary.rows, summary.rows.dropFirst()) where row.control != nil {
      #expect(control.method == row.control)
      #expect(counts[control.method] == counts[row.method])
      #expect(counts[row.method]?.first?.last ?? 37 < 37)
      #expect(control.method.parameters["position"] == .string("inside_block"))
      #expect(control.method.parameters["seed"] == .integer(4))
      #expect(
        control.reason
          == .control(
            of: MethodSetting(
              name: row.method.name, parameters: row.method.parameters.filter { $0.key == "r" })))
    }
    #expect(summary.rows.count { $0.control != nil } == 2)
    // Rows are read back, and a second run measures nothing.
    try RowsFile.write(summary.rows, to: folder.url)
    #expect(RowsFile.read(folder.url) == summary.rows)
    #expect(try MicroRun(spec, in: folder, process: 2).runner.run().measured == 0)
  }

  @Test func `a control is not a point of another machine's grid`() throws {
    let point = MethodSetting(name: "random", parameters: ["r": .integer(4), "seed": .integer(0)])
    #expect(SearchGrid.isPoint(point))
    var control = point
    control.parameters["tokens"] = .array([.integer(37), .integer(33)])
    #expect(!SearchGrid.isPoint(control))
  }

  @Test func `the second baseline is timed if a method reads attention, and reports its kernels`()
    throws
  {
    let folder = try TemporaryFolder()
    let run = try MicroRun(MicroRun.spec(Self.methods), in: folder)
    let summary = try run.runner.run()
    #expect(summary.rows.map(\.method.name) == ["none", "none_explicit", "tome", "topk"])
    var attention: [String: AttentionCost] = [:]
    for record in run.store.records {
      switch record.measurement {
      case .accuracy(let trial, let result):
        #expect(trial.method.name != "none_explicit")
        #expect(result.cost.launches ?? 0 > 6 * 4)
      case .latency(let trial, let result): attention[trial.method.name] = result.cost.attention
      default: Issue.record("a trial failed")
      }
      #expect(record.outOfBounds == nil)
    }
    func kernels(_ name: String) -> [Int]? {
      attention[name].map { [$0.fused, $0.scored, $0.explicit] }
    }
    #expect(kernels("none") == [6, 0, 0])
    #expect(kernels("none_explicit") == [0, 0, 6])
    #expect(kernels("tome") == [6, 0, 0])
    #expect(kernels("topk") == [0, 6, 0])
    // Six maps of 4 heads and 37 × 37 floats, written and read.
    let maps = 6 * 2 * 4 * 37 * 37 * 4
    #expect((attention["none_explicit"]?.bytes ?? 0) - (attention["none"]?.bytes ?? 0) == maps)
  }

  @Test(arguments: [
    #"{"method": "none"}, {"method": "tome", "r": 3}"#, #"{"method": "topk", "r": 2}"#,
  ])
  func `without a method that reads attention or a baseline there is no second baseline`(
    methods: String
  ) throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(MicroRun.spec("\"methods\": [\(methods)]"), in: folder)
    #expect(try run.runner.plan().rows.allSatisfy { $0.method.name != "none_explicit" })
  }
}
