import Foundation
import Records
import Testing

@testable import Reporting

/// Reports of latency alone and of accuracy alone, with which most users start.
@Suite struct OneSidedTests {
  private static func report(_ keeps: (Record.Measurement) -> Bool) -> Report {
    Report(records: RecordBuilder.comparison().filter { keeps($0.measurement) }, name: "r")
  }

  private static let latency = report { if case .latency = $0 { true } else { false } }
  private static let accuracy = report { if case .accuracy = $0 { true } else { false } }

  @Test func `latency alone has bars but no columns or captions of accuracy`() throws {
    let report = Self.latency
    #expect(Figures.of(report).first is LatencyFigure)
    let drawing = try #require(LatencyFigure(report)).drawing().xml()
    for row in report.groups.flatMap(\.rows) {
      #expect(drawing.contains("<title>\(row.label): "))
    }
    #expect(ParetoFigure(report) == nil && CostFigure(report) == nil)
    for text in [TerminalTable(report).text(), ReportExport.latex(report)] {
      #expect(!text.contains("top-1 %") && !text.contains("Top-1"))
      #expect(!text.contains("accuracy with"))
    }
  }

  @Test func `accuracy alone is drawn over MACs, without columns of latency`() throws {
    let report = Self.accuracy
    #expect(Figures.of(report).map { type(of: $0).name } == ["cost"])
    let drawing = try #require(CostFigure(report)).drawing().xml()
    for row in report.groups.flatMap(\.rows) {
      #expect(drawing.contains("<title>\(row.label): "))
    }
    #expect(!TerminalTable(report).text().contains("latency ms"))
    #expect(!ReportExport.latex(report).contains("median latency"))
    #expect(!HTMLPage(report: report).text().contains(">speed-up (95 %)<"))
  }

  @Test func `hiding a method hides its bars and labels`() throws {
    let drawing = try #require(CostFigure(Self.accuracy)).drawing().xml()
    let rows = Self.accuracy.groups.reduce(0) { $0 + $1.rows.count }
    let bars = drawing.split(separator: "\n").filter { $0.contains("stroke-opacity=\"0.6\"") }
    #expect(bars.count == rows)
    #expect(bars.allSatisfy { $0.contains("data-method=\"") })
    let labels = try #require(drawing.components(separatedBy: "class=\"labels\"").last)
    #expect(labels.ranges(of: "<g data-method=\"").count > rows / 2)
    #expect(drawing.contains(">bars: 95 % of accuracy<"))
  }

  @Test func `a report without a front has no file for it`() throws {
    let files = try withScratchFolder("one-sided") {
      try ReportWriter.write(Self.latency, to: $0).map(\.lastPathComponent)
    }
    #expect(files.contains("table.csv") && !files.contains("pareto.csv"))
  }
}
