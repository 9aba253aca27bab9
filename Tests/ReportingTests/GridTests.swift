import Foundation
import Measurement
import Records
import Testing

@testable import Reporting

@Suite struct GridTests {
  let builder = RecordBuilder()

  private func schedules(_ report: Report) -> [Row] {
    report.groups.flatMap(\.rows).filter { $0.method.name == "tail_effect" }
  }

  @Test func `the steps of a grid are found`() throws {
    let staircase = try #require(
      Report(records: RecordBuilder.staircase(), name: "r").staircases.first)
    // The model's latency increases by 2 ms per batch after 32, 64, 96 and 128 tokens.
    #expect(staircase.steps.map(\.before) == [29, 61, 93, 125])
    #expect(staircase.steps.allSatisfy { abs($0.height - 2) < 0.3 })
  }

  @Test func `a step on a GPU names the kernels that change`() throws {
    let records = RecordBuilder.staircase().map { record in
      var record = record
      guard case .latency(let trial, var result) = record.measurement,
        let tokens = result.cost.tokensAfterBlocks.first
      else { return record }
      result.kernels = [
        KernelLaunch(
          work: "attention", kernel: "attention_mma_d64_f16", count: 12, threads: 128,
          blocks: tokens, resident: 32)
      ]
      record.measurement = .latency(trial, result)
      return record
    }
    let staircase = try #require(Report(records: records, name: "r").staircases.first)
    #expect(
      staircase.steps.map(staircase.changes) == [
        ["attention: 1 → 2 waves"], ["attention: 2 → 3 waves"], ["attention: 3 → 4 waves"],
        ["attention: 4 → 5 waves"],
      ])
    // Without recorded kernels nothing is reported.
    let without = try #require(
      Report(records: RecordBuilder.staircase(), name: "r").staircases.first)
    #expect(without.steps.allSatisfy { without.changes(at: $0).isEmpty })
  }

  @Test func `each schedule has its distance to the next step down`() throws {
    let report = Report(
      records: RecordBuilder.search(schedules: [17, 49, 81, 113]), name: "r")
    // 128, 96, 64 and 32 tokens remain; the nearest measured counts below a step are 125, 93, ….
    #expect(schedules(report).map { $0.nextStep?.moreTokens } == [3, 3, 3, 3])
    let step = try #require(schedules(report).first?.nextStep)
    // Nine of twelve blocks run with fewer tokens than the step, so three quarters of its 2 ms are
    // gained.
    #expect(abs(step.stepGain - 1.5) < 0.2)
    #expect(step.stepGainInterval.contains(step.stepGain))
    // The grid decreases by 2.036 ms between 128 and 125 tokens.
    #expect(abs(step.gain - 0.75 * 2.036) < 0.2)
    #expect(
      step.text.wholeMatch(
        of: /prune 3 more tokens and gain about 1\.[0-9]+ ms, of it 1\.[0-9]+ ms \(.*\) by the step/
      )
        != nil)
  }

  @Test func `a schedule below the last step and one of many blocks have no next step`() {
    let low = RecordBuilder.method("tail_effect", ["r": .integer(120), "layer": .integer(3)])
    let many = RecordBuilder.method("topk", ["r": .integer(4)])
    var progressive = builder.latency(many, milliseconds: 9)
    guard case .latency(let trial, var result) = progressive.measurement else {
      Issue.record("a latency was built")
      return
    }
    result.cost.tokensAfterBlocks = (1...12).map { 145 - 4 * $0 }
    progressive.measurement = .latency(trial, result)
    let report = Report(
      records: RecordBuilder.staircase() + [
        builder.latency(low, milliseconds: 5, tokensLeft: 25), progressive,
      ], name: "r")
    let rows = report.groups.flatMap(\.rows).filter { [low, many].contains($0.method) }
    #expect(rows.count == 2)
    #expect(rows.allSatisfy { $0.nextStep == nil })
  }

  @Test(arguments: [0.0, 0.3, 0.5, 0.8, 1.0])
  func `the chosen token count has the highest utility, and R counts all tokens`(alpha: Double)
    throws
  {
    let curve = try #require(
      Report(records: RecordBuilder.search(), name: "r").utilityCurves.first)
    let best = curve.bestTokens(alpha: alpha)
    let utilities = curve.points.map { $0.utility(alpha: alpha) }
    let highest = try #require(utilities.max())
    let chosen = try #require(curve.points.firstIndex { $0.tokens == best })
    #expect(utilities[chosen] == highest)
    // Of equal ones, the one with more tokens.
    #expect(utilities[(chosen + 1)...].allSatisfy { $0 < highest })
    #expect(curve.removedTokens(alpha: alpha) == 145 - best)
    #expect(curve.points.allSatisfy { (0...1).contains($0.accuracyUtility) })
    #expect(curve.points.allSatisfy { (0..<1).contains($0.latencyUtility) })
  }

  @Test func `alpha 0 removes nothing, alpha 1 removes the maximum`() throws {
    let curve = try #require(
      Report(records: RecordBuilder.search(), name: "r").utilityCurves.first)
    #expect(curve.removedTokens(alpha: 0) < 10)
    #expect(curve.removedTokens(alpha: 1) == 128)
  }

  @Test func `a larger weight of latency never removes fewer tokens`() throws {
    let curve = try #require(
      Report(records: RecordBuilder.search(), name: "r").utilityCurves.first)
    let removed = (0...20).map { curve.removedTokens(alpha: Double($0) / 20) }
    #expect(removed == removed.sorted())
  }

  @Test func `the data set of a grid has no table of its own`() {
    let report = Report(records: RecordBuilder.search(), name: "r")
    #expect(report.groups.map { $0.dataset?.images } == [400])
    #expect(report.utilityCurves.map(\.dataset) == [RecordBuilder.gridDataset])
  }

  @Test func `a row for one place is shown only there`() {
    let near = RecordBuilder.method("tail_effect", ["r": .integer(20), "layer": .integer(3)])
    let far = RecordBuilder.method("tail_effect", ["r": .integer(52), "layer": .integer(3)])
    let rows = [(near, 1), (far, 4)].map {
      RowKey(
        model: builder.model, method: $0.0, reason: .alpha(0.5),
        place: RowPlace(
          weights: builder.model.weights, dataset: builder.dataset, device: builder.device,
          batchSize: $0.1, precision: "float32"))
    }
    let report = Report(
      records: RecordBuilder.search(batchSizes: [1, 4]), name: "r", rows: rows)
    #expect(report.groups.map { $0.rows.map(\.method) } == [[near], [far]])
  }

  @Test func `rows without measurements are gaps in their place`() {
    let rows = [
      RowKey(
        model: builder.model, method: RecordBuilder.baseline,
        place: RowPlace(
          weights: builder.model.weights, dataset: builder.dataset, device: builder.device,
          batchSize: 8, precision: "float32"))
    ]
    let report = Report(records: [], name: "r", rows: rows)
    #expect(report.groups.map(\.batchSize) == [8])
    #expect(report.groups.first?.rows.map { $0.latency == nil && $0.accuracy == nil } == [true])
  }

  @Test func `a grid's quick timing does not replace a row's thorough one`() throws {
    let method = RecordBuilder.method("random", ["r": .integer(36), "seed": .integer(0)])
    let careful = builder.latency(method, milliseconds: 9)
    var later = builder
    later.started = "2025-02-01T10:00:00Z"
    var quick = later.latency(method, milliseconds: 30)
    guard case .latency(var trial, let result) = quick.measurement else {
      Issue.record("a latency was built")
      return
    }
    trial.timing.minSeconds = 0.1
    quick.key += "-quick"
    quick.measurement = .latency(trial, result)
    let row = try #require(
      Report(records: [careful, quick], name: "r").groups.first?.rows.first)
    #expect(try #require(row.latency?.milliseconds.median) < 10)
    #expect(row.notes.isEmpty)
  }

  @Test func `a method with several timed batch sizes and settings has a map`() throws {
    let report = Report(records: RecordBuilder.comparison(), name: "r")
    #expect(
      report.breakEvens.map(\.methodName) == ["random", "topk", "evit", "tome", "tail_effect"])
    let tome = try #require(report.breakEvens.first { $0.methodName == "tome" })
    #expect(tome.batchSizes == [1, 4])
    #expect(tome.cells.count == 6)
    for cell in tome.cells {
      let row = try #require(
        report.groups.first { $0.batchSize == cell.batchSize }?.rows
          .first { $0.method == cell.method })
      #expect(row.speedup?.ratio == cell.speedup.ratio)
    }
    let one = Report(records: RecordBuilder.search(), name: "r")
    #expect(one.breakEvens.isEmpty)
  }

  @Test func `the figures of a search are drawn`() throws {
    let report = Report(records: RecordBuilder.search(batchSizes: [1, 4]), name: "search")
    try withScratchFolder("search") { folder in
      let files = try ReportWriter.write(report, to: folder)
      let names = files.map { $0.lastPathComponent }.filter { $0.hasSuffix("svg") }
      #expect(
        names == ["pareto.svg", "staircase.svg", "utility.svg", "alpha.svg", "break_even.svg"])
      for file in files where file.pathExtension == "svg" {
        #expect(throws: Never.self) { try XMLCheck.parse(Data(contentsOf: file)) }
      }
      let steps = try String(
        contentsOf: folder.appendingPathComponent("steps.csv"), encoding: .utf8)
      #expect(steps.split(separator: "\n").count == 1 + 8)
      let points = try String(
        contentsOf: folder.appendingPathComponent("staircase.csv"), encoding: .utf8)
      #expect(points.split(separator: "\n").count == 1 + 2 * 33)
    }
  }
}
