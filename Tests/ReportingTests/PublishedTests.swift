import Foundation
import Records
import Testing

@testable import Reporting

@Suite struct PublishedTests {
  /// Table 7 of the tail-effect paper, whose stated percentages divide by the wrong latency.
  private static let batchOne = #"""
    {"source": "the paper, table 7", "hardware": "NVIDIA TX2", "comparable": "accuracy alone",
     "model": "demo_vit", "batch_size": 1, "baseline": {"latency_ms": 35.32},
     "rows": [
       {"label": "Top-K", "method": "topk", "match": {"r": 4}, "r": 6, "accuracy_drop_pp": 0.73,
        "latency_ms": 43.38, "stated_change_percent": 18.6},
       {"label": "ToMe", "method": "tome", "match": {"r": [2, 8]}, "r": 6, "accuracy_drop_pp": 0.27,
        "latency_ms": 50.70, "stated_change_percent": 30.3},
       {"label": "ours", "method": "tail_effect", "match": {"alpha": 0.5, "layer": "25%"}, "r": 69,
        "accuracy_drop_pp": 0.99, "latency_ms": 32.12, "stated_change_percent": -9.06},
       {"label": "trained", "latency_ms": 31.0}]}
    """#

  private static func numbers(_ text: String = batchOne) throws -> PublishedNumbers {
    try #require(try PublishedNumbers.tables(of: Data(text.utf8)).first)
  }

  /// The comparison with R = 72 chosen by α 0.5 and 0.6.
  private static func report(_ published: [PublishedNumbers]) -> Report {
    let rows = RecordBuilder.comparedRows.flatMap { row -> [RowKey] in
      guard row.method.name == "tail_effect", row.method.parameters["r"] == .integer(72) else {
        return [row]
      }
      return [0.5, 0.6].map {
        RowKey(model: RecordBuilder().model, method: row.method, reason: .alpha($0))
      }
    }
    return Report(
      records: RecordBuilder.comparison(), name: "paper", rows: rows, published: published)
  }

  @Test func `changes are recomputed from milliseconds`() throws {
    let numbers = try Self.numbers()
    let changes = numbers.rows.map { numbers.changePercent($0) ?? .nan }
    let expected = [22.82, 43.54, -9.06, -12.23]
    try #require(changes.count == expected.count)
    for (change, expected) in zip(changes, expected) { #expect(abs(change - expected) < 0.01) }
  }

  @Test func `a stated percentage that contradicts the milliseconds is noted`() throws {
    let numbers = try Self.numbers()
    let notes = numbers.rows.map { numbers.note($0) }
    #expect(
      notes[0]
        == "stated as +18.6 %, which its milliseconds contradict: +22.8 %; it divides by the "
        + "method's latency instead of the baseline's")
    #expect(notes[1]?.contains("+43.5 %; it divides by the method's latency") == true)
    #expect(notes[2] == nil)
    #expect(notes[3] == nil)
  }

  @Test(arguments: [(-28.4, false), (-28.5, true)])
  func `only a difference above the publication's own noise is reported`(
    stated: Double, isTold: Bool
  ) throws {
    let text = """
      {"source": "s", "hardware": "h", "comparable": "c", "baseline": {"latency_ms": 155.5},
       "rows": [{"label": "a", "latency_ms": 112.2, "stated_change_percent": \(stated)}]}
      """
    // Its milliseconds give −27.85.
    let numbers = try Self.numbers(text)
    #expect((numbers.note(numbers.rows[0]) != nil) == isTold)
  }

  @Test func `without a baseline the implied one is reported`() throws {
    let numbers = try Self.numbers(
      """
      {"source": "s", "hardware": "h", "comparable": "c",
       "rows": [{"label": "a", "latency_ms": 28.77, "stated_change_percent": -4.70}]}
      """)
    #expect(numbers.changePercent(numbers.rows[0]) == nil)
    #expect(
      numbers.note(numbers.rows[0])
        == "stated as −4.7 %, of a baseline that is not given; it would be 30.19 ms")
  }

  @Test func `each line finds its rows`() throws {
    let table = try #require(Self.report([try Self.numbers()]).published.first)
    let found = table.lines.map { line in
      "\(line.published.label): \(line.measured?.row.label ?? "–")"
    }
    #expect(
      found == [
        "Top-K: topk r=4", "ToMe: tome r=2", "ToMe: tome r=8",
        "ours: tail_effect α=0.5, 0.6 r=72, layer=3", "trained: –",
      ])
    #expect(table.lines.allSatisfy { $0.measured == nil || $0.measured?.group.batchSize == 1 })
  }

  @Test func `another model is shown instead, and named`() throws {
    let text = Self.batchOne.replacing("demo_vit", with: "deit_small_patch16_224")
    let table = try #require(Self.report([try Self.numbers(text)]).published.first)
    #expect(table.lines[0].measured?.group.model.name == "demo_vit")
    #expect(
      table.lines[0].notes.contains("measured with demo_vit, not deit_small_patch16_224"))
  }

  @Test func `the measured change is that of the median latencies`() throws {
    let report = Self.report([try Self.numbers()])
    let measured = try #require(report.published.first?.lines[0].measured)
    let group = measured.group
    let base = try #require(group.rows.first { $0.isBaseline }?.latency?.milliseconds.median)
    let time = try #require(measured.row.latency?.milliseconds.median)
    let change = try #require(measured.row.latencyChange)
    #expect(abs(change.percent - 100 * (time / base - 1)) < 1e-9)
    #expect(change.interval.contains(change.percent))
  }

  @Test func `the document, the page and the CSV show the table`() throws {
    let report = Self.report([try Self.numbers()])
    try withScratchFolder("published") { folder in
      try ReportWriter.write(report, to: folder)
      func text(_ name: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      }
      let document = try text("report.md")
      #expect(document.contains("## Published and measured"))
      #expect(document.contains("Published: the paper, table 7, on NVIDIA TX2. Measured: cpu"))
      #expect(document.contains("accuracy alone. Published changes are recomputed"))
      #expect(document.contains("| Top-K | 6 | −0.73 | 43.38 | +22.8 % | topk r=4 | "))
      let page = try text("report.html")
      #expect(page.contains("<h2>Published and measured</h2>"))
      #expect(page.contains("data-value=\"22.819932"))
      let lines = try text("published.csv").split(separator: "\n")
      #expect(lines.count == 6)
      #expect(lines[1].contains(",-0.73,43.38,22.8199,18.6,demo_vit,"))
      #expect(lines[5].contains(",31,-12.231,,,"))
    }
  }

  @Test func `every column of published.csv is explained in the results' README`() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Results/README.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    let section = try #require(text.components(separatedBy: "## `published.csv`").dropFirst().first)
    for column in PublishedCSV.columns {
      #expect(section.contains("`\(column.name)`"), "\(column.name) is not explained")
    }
  }
}
