import Foundation
import Records
import Testing

@testable import Reporting

@Suite struct SimulatedTests {
  private static let board = DeviceSetting(
    name: "simulated:board", hardware: "simulated Board", threads: 0,
    simulated: SimulationSetting(
      execution: "eager", precision: "float16", digest: "d", checkedPoints: 12,
      medianErrorPercent: 3.5, worstErrorPercent: 14))

  private static func records(simulated: Bool) -> [Record] {
    var builder = RecordBuilder()
    if simulated { builder.device = board }
    return [
      builder.latency(RecordBuilder.baseline, milliseconds: simulated ? 40 : 10),
      builder.latency(
        RecordBuilder.method("topk", ["r": .integer(4)]), milliseconds: simulated ? 50 : 8),
    ]
  }

  private static func published() throws -> [PublishedNumbers] {
    try PublishedNumbers.tables(
      of: Data(
        #"""
        {"source": "the paper", "hardware": "Board", "comparable": "latency", "batch_size": 1,
         "model": "demo_vit", "baseline": {"latency_ms": 35},
         "rows": [{"label": "Top-K", "method": "topk", "match": {"r": 4}, "latency_ms": 43}]}
        """#.utf8))
  }

  @Test func `predicted rows have a table of their own that says so`() throws {
    let report = Report(
      records: Self.records(simulated: true) + Self.records(simulated: false), name: "both")
    #expect(report.groups.count == 2)
    let group = try #require(report.groups.first { $0.device == Self.board })
    #expect(
      group.simulatedText
        == "simulated: every latency here is predicted; off by 3.5 % in the median and 14 % at "
        + "worst at 12 latencies that its fit did not see")
    #expect(report.groups.filter { $0.simulatedText == nil }.count == 1)
    #expect(
      Self.board.text
        == "simulated:board: simulated Board, float16, eager execution, predicted and not measured")
    let document = MarkdownReport(report: report, figures: []).text()
    #expect(document.components(separatedBy: "every latency here is predicted").count == 2)
  }

  @Test func `a predicted staircase has neither quartiles nor intervals`() throws {
    let records = RecordBuilder.search(schedules: [17]).compactMap { record -> Record? in
      guard case .latency(var trial, var result) = record.measurement else { return record }
      let tokens = result.cost.tokensAfterBlocks.last ?? 0
      trial.device = Self.board
      result.samplesMilliseconds = [Double(2 * ((tokens + 31) / 32)) + 0.012 * Double(tokens)]
      result.rounds = [0]
      result.predicted = []
      var record = record
      record.measurement = .latency(trial, result)
      return record
    }
    let report = Report(records: records, name: "r")
    let figure = try #require(StaircaseFigure(report)).drawing(.wide).xml()
    #expect(figure.contains("Latency (ms per batch, predicted)") && figure.contains(">predicted<"))
    #expect(figure.contains("step, between the nearest counts"))
    #expect(!figure.contains("quartiles") && !figure.contains("median") && !figure.contains("95 %"))
    let steps = report.groups.flatMap(\.rows).compactMap(\.nextStep?.text)
    #expect(!steps.isEmpty)
    for step in steps { #expect(step.hasSuffix(" ms by the step"), "\(step)") }
  }

  @Test func `published, measured and simulated latencies have separate columns`() throws {
    let report = Report(
      records: Self.records(simulated: true) + Self.records(simulated: false), name: "both",
      published: try Self.published())
    let table = try #require(report.published.first)
    let line = try #require(table.lines.first)
    #expect(table.lines.count == 1)
    #expect(line.measured?.group.device?.simulated == nil)
    #expect(line.simulated?.group.device == Self.board)
    let titles = PublishedColumn.columns(of: table).map(\.title)
    #expect(titles.contains("measured ms") && titles.contains("simulated ms"))
    #expect(table.sentences.contains { $0.hasPrefix("Simulated: simulated:board") })
    #expect(PublishedCSV.text([table]).contains("simulated_latency_ms"))
  }

  @Test func `predictions are not called measured`() throws {
    let report = Report(
      records: Self.records(simulated: true), name: "one", published: try Self.published())
    let table = try #require(report.published.first)
    let titles = PublishedColumn.columns(of: table).map(\.title)
    #expect(!titles.contains("measured ms") && !titles.contains("measured"))
    #expect(titles.contains("simulated") && titles.contains("simulated ms"))
    #expect(!table.sentences.contains { $0.hasPrefix("Measured: ") })
    let terminal = TerminalTable(report, width: 200).text()
    #expect(terminal.contains("Published and simulated: "))
    #expect(terminal.contains("simulated latency") && !terminal.contains("measured latency"))
    #expect(report.conclusion == "Predicted to be the fastest: the baseline.")
  }

  @Test func `a prediction has no samples, quartiles or interval`() throws {
    let report = Report(records: Self.records(simulated: true), name: "one")
    let group = try #require(report.groups.first)
    for titles in [Column.terminal(of: group), Column.document(of: group)].map({ $0.map(\.title) })
    {
      #expect(titles.contains("predicted ms") && titles.contains("predicted speed-up"))
      #expect(
        Set(titles).isDisjoint(with: ["latency ms (IQR)", "n", "samples", "speed-up (95 %)"]))
    }
  }

  @Test func `points of a predicted staircase name the cause of the step between them`() throws {
    var records: [Record] = []
    for (tokens, waves) in [(145, 4), (121, 4), (97, 2), (73, 2), (49, 2)] {
      var builder = RecordBuilder()
      builder.device = Self.board
      var record = builder.latency(
        RecordBuilder.method("random", ["r": .integer(145 - tokens)]),
        milliseconds: Double(10 * waves), spread: 0, tokensIn: tokens, tokensLeft: tokens)
      guard case .latency(let trial, var result) = record.measurement else { continue }
      result.predicted = [
        PredictedOperation(name: "fc1", milliseconds: Double(9 * waves), waves: waves),
        PredictedOperation(name: "norm", milliseconds: 1, waves: nil),
      ]
      record.measurement = .latency(trial, result)
      records.append(record)
    }
    let report = Report(records: records, name: "steps")
    let staircase = try #require(report.staircases.first)
    let predicted = try staircase.points.map { try #require($0.predicted) }
    #expect(
      PredictedChange.all(from: predicted[3], to: predicted[2]).map(\.text)
        == ["fc1: 4 → 2 waves (−18.0 ms)"])
  }

  @Test(arguments: [
    ("64×64", 18, "64×64", 12, "fc1: 18 → 12 waves (−1.25 ms)"),
    ("64×64", 18, "128×128", 6, "fc1: 18 waves of 64×64 → 6 of 128×128 (−1.25 ms)"),
    ("64×64", 18, "64×64", 18, "fc1 (−1.25 ms)"),
  ])
  func `waves of different tiles are not compared`(
    before: String, waves: Int, after: String, fewer: Int, text: String
  ) {
    let changes = PredictedChange.all(
      from: [PredictedOperation(name: "fc1", milliseconds: 3.25, waves: waves, tile: before)],
      to: [PredictedOperation(name: "fc1", milliseconds: 2, waves: fewer, tile: after)])
    #expect(changes.map(\.text) == [text])
  }
}
