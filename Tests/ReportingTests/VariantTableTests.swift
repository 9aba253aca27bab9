import Foundation
import Records
import Testing

@testable import Reporting

/// Combined tables that differ only in precision or engine.
@Suite struct VariantTableTests {
  private let topk = RecordBuilder.method("topk", ["r": .integer(4)])

  /// The same invented run at a precision; `kept(i)` are the kept tokens of image i.
  private func records(
    _ precision: String, engine: String? = nil, milliseconds: Double, correct: Double,
    kept: @escaping (Int) -> UInt32
  ) -> [Record] {
    var builder = RecordBuilder()
    builder.device.engine = engine
    let records =
      builder.accuracy(RecordBuilder.baseline, correct: correct)
      + builder.accuracy(topk, correct: correct - 0.1) + [
        builder.latency(RecordBuilder.baseline, milliseconds: milliseconds, spread: 0),
        builder.latency(topk, milliseconds: 0.8 * milliseconds, spread: 0),
      ]
    return records.map { record in
      var record = record
      record.key += precision + (engine ?? "")
      switch record.measurement {
      case .accuracy(var trial, var result):
        trial.precision = precision
        if trial.method == topk { result.keptTokens = result.imageIndices.map(kept) }
        record.measurement = .accuracy(trial, result)
      case .latency(var trial, let result):
        trial.precision = precision
        record.measurement = .latency(trial, result)
      case .failedAccuracy, .failedLatency: break
      }
      return record
    }
  }

  private func report() -> Report {
    Report(
      records: records("float32", milliseconds: 10, correct: 0.9) { UInt32($0 + 1) }
        + records("int8", milliseconds: 4, correct: 0.85) { UInt32($0 % 10 == 0 ? 1 : $0 + 1) },
      name: "precision")
  }

  @Test func `each row shows the loss and the gain of its precision`() throws {
    let report = report()
    let table = try #require(report.variants.first)
    #expect(report.variants.count == 1)
    #expect(
      table.lines.map { [$0.group.precision, $0.row.method.name] } == [
        ["float32", "none"], ["float32", "topk"], ["int8", "none"], ["int8", "topk"],
      ])
    #expect(
      table.lines.map { $0.speedup.map { ($0 * 100).rounded() / 100 } } == [1, 1.25, 2.5, 3.13])
    // The first precision has nothing to compare with.
    #expect(table.lines[0].change == nil && table.lines[1].agreement == nil)
    let change = try #require(table.lines[2].change)
    #expect(change.points < -2 && change.points > -8)
    #expect(change.interval.contains(change.points))
    // Every tenth image except the first keeps different tokens; the baseline reduces nothing.
    #expect(table.lines[2].agreement?.otherTokens == nil)
    let agreement = try #require(table.lines[3].agreement)
    #expect(agreement.images == 400 && agreement.otherTokens == 39)
    #expect(agreement.sameClass > 340 && agreement.sameClass < 400)
    // Faster ones are less accurate, so only the slow pruned one is dominated.
    #expect(table.lines.map(\.isOnFront) == [true, false, true, true])
  }

  @Test func `all formats show the table`() throws {
    let report = report()
    let markdown = MarkdownReport(report: report, figures: []).text()
    for text in [
      markdown, HTMLPage(report: report).text(), TerminalTable(report, width: 200).text(),
    ] {
      #expect(text.contains("Precision and pruning"))
      #expect(text.contains("39 of 400"))
      #expect(text.contains("2.50×"))
    }
  }

  @Test(arguments: [80, 100, 120])
  func `on a terminal the lines fit and keep the loss and the gain of each precision`(width: Int)
    throws
  {
    let parts = TerminalTable(report(), width: width).text()
      .components(separatedBy: "Precision and pruning")
    let table = try #require(parts.last?.components(separatedBy: "\n\n").first)
    let lines = table.components(separatedBy: "\n").dropFirst()
    #expect(lines.allSatisfy { $0.count <= width })
    #expect(table.contains("2.50×") && table.contains("Δ pp to float32 (95 %)"))
  }

  @Test func `engines are variants too, and a single precision is not`() {
    let engines = Report(
      records: records("float32", milliseconds: 10, correct: 0.9) { _ in 1 }
        + records("float32", engine: "blas", milliseconds: 14, correct: 0.9) { _ in 1 },
      name: "engines")
    let table = engines.variants.first
    #expect(table?.lines.map { $0.group.device?.engine } == [nil, nil, "blas", "blas"])
    #expect(table?.lines[2].speedup.map { ($0 * 100).rounded() / 100 } == 0.71)
    let one = Report(
      records: records("float32", milliseconds: 10, correct: 0.9) { _ in 1 }, name: "one")
    #expect(one.variants.isEmpty)
  }

  @Test func `two runs with different precisions are compared`() throws {
    let first = Report(
      records: records("float32", milliseconds: 10, correct: 0.9) { _ in 1 }, name: "a")
    let second = Report(
      records: records("int8", milliseconds: 4, correct: 0.85) { _ in 1 }, name: "b")
    let group = try #require(Comparison(a: first, b: second).groups.first)
    #expect(group.title.hasSuffix("float32 (A) and int8 (B)"))
    let row = try #require(group.rows.first)
    let (speedup, change) = (try #require(row.speedup), try #require(row.change))
    #expect(abs(speedup.ratio - 2.5) < 0.01)
    #expect(change.points < 0)
  }
}
