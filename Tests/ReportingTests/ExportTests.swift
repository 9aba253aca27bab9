import Foundation
import Records
import Testing

@testable import Reporting

@Suite struct ExportTests {
  private let report = Report(
    records: RecordBuilder.comparison() + RecordBuilder.staircase(), name: "quick_start",
    rows: RecordBuilder.comparedRows)

  /// A Python with nbconvert, pandas and matplotlib, given by `LAB_PYTHON`.
  private static let python = ProcessInfo.processInfo.environment["LAB_PYTHON"]
    .flatMap { $0.isEmpty ? nil : $0 }

  @Test func `every column of the CSV is explained in the results' README`() throws {
    let readme = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Results/README.md")
    let text = try String(contentsOf: readme, encoding: .utf8)
    let tables = [GridCSV.points([]), GridCSV.steps([])].flatMap {
      $0.dropLast().split(separator: ",").map(String.init)
    }
    for column in CSVTable.columns.map(\.name) + tables {
      #expect(text.contains("`\(column)`"), "\(column)")
    }
  }

  @Test func `JSON contains the data of the CSV, typed`() throws {
    let decoded = try JSONDecoder().decode(
      [String: JSONValue].self, from: Data(ReportExport.json(report).utf8))
    #expect(decoded["name"] == .string("quick_start"))
    guard case .array(let rows)? = decoded["rows"], case .object(let first)? = rows.first else {
      Issue.record("rows are an array of objects")
      return
    }
    #expect(rows.count == report.groups.reduce(0) { $0 + $1.rows.count })
    #expect(Set(first.keys) == Set(CSVTable.columns.map(\.name)))
    #expect(first["batch_size"] == .integer(1))
    #expect(first["speedup"] == .null)
    #expect(first["on_front"] == .boolean(true))
  }

  @Test func `LaTeX has a booktabs table per table, with special characters escaped`() {
    let text = ReportExport.latex(report)
    #expect(text.components(separatedBy: "\\toprule").count == 3)
    #expect(text.components(separatedBy: "\\begin{table}").count == 3)
    #expect(text.contains("\\label{tab:quick-start-1}"))
    #expect(text.contains("\\textbf{tail\\_effect r=72} & "))
    let wide = ReportExport.latex(report, isWide: true)
    #expect(wide.contains("\\textbf{tail\\_effect} & \\textbf{r=72, layer=3}"))
    for (text, columns) in [(text, 5), (wide, 8)] {
      let rows = text.split(separator: "\n").filter { $0.hasSuffix("\\\\") }
      #expect(rows.allSatisfy { $0.components(separatedBy: " & ").count == columns })
    }
    for sign in "±×≈▼−…–" { #expect(text.contains(sign) == false, "\(sign)") }
    #expect(LaTeXTable.escaped("a_b & 5 % #1") == "a\\_b \\& 5 \\% \\#1")
  }

  /// The LaTeX compiler, if it is installed.
  private static let pdflatex = (ProcessInfo.processInfo.environment["PATH"] ?? "")
    .split(separator: ":").map { "\($0)/pdflatex" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// The longest rows of the quickstart: bold, within noise, slower, with long names.
  private static var longRows: Report {
    let builder = RecordBuilder()
    let explicit = RecordBuilder.method("none_explicit")
    let methods = [
      RecordBuilder.method(
        "evit",
        ["keep_rate": .number(0.7), "layers": .array([.integer(3), .integer(6), .integer(9)])]),
      RecordBuilder.method("tail_effect", ["r": .integer(108), "layer": .integer(3)]),
    ]
    let records =
      builder.accuracy(RecordBuilder.baseline, correct: 0.963)
      + [
        builder.latency(RecordBuilder.baseline, milliseconds: 1.347),
        builder.latency(explicit, milliseconds: 1.436),
      ]
      + methods.flatMap { method in
        builder.accuracy(method, correct: 0.96) + [builder.latency(method, milliseconds: 0.909)]
      }
    return Report(records: records, name: "long")
  }

  @Test(.enabled(if: pdflatex != nil, "no pdflatex on this machine"))
  func `LaTeX compiles, and fits its column`() throws {
    try withScratchFolder("latex") { folder in
      for (report, isWide) in [(report, false), (report, true), (Self.longRows, false)] {
        let document =
          #"\documentclass[twocolumn]{article}\usepackage{booktabs,amssymb}"#
          + #"\begin{document}"# + "\n\(ReportExport.latex(report, isWide: isWide))"
          + #"\end{document}"# + "\n"
        try Data(document.utf8).write(to: folder.appendingPathComponent("a.tex"))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.pdflatex))
        process.arguments = ["-interaction=nonstopmode", "-halt-on-error", "a.tex"]
        process.currentDirectoryURL = folder
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        let log = String(
          decoding: try Data(contentsOf: folder.appendingPathComponent("a.log")), as: UTF8.self)
        #expect(process.terminationStatus == 0, "\(log)")
        #expect(!log.contains("Overfull"), "\(log)")
      }
    }
  }

  @Test func `the notebook is nbformat 4 and names the results folder`() throws {
    let text = ReportExport.notebook(report, results: "../Results/quick_start")
    let decoded = try JSONDecoder().decode([String: JSONValue].self, from: Data(text.utf8))
    #expect(decoded["nbformat"] == .integer(4))
    guard case .array(let cells)? = decoded["cells"] else {
      Issue.record("cells are an array")
      return
    }
    let ids = cells.compactMap { cell -> JSONValue? in
      if case .object(let fields) = cell { return fields["id"] }
      return nil
    }
    #expect(Set(ids).count == cells.count)
    #expect(text.contains("RESULTS = \\\"../Results/quick_start\\\""))
    #expect(text.contains("staircase.csv"))
    let plain = ReportExport.notebook(
      Report(records: RecordBuilder.comparison(), name: "plain"), results: ".")
    #expect(plain.contains("staircase.csv") == false)
  }

  @Test(.enabled(if: python != nil, "LAB_PYTHON names no Python with nbconvert"))
  func `the notebook runs`() throws {
    try withScratchFolder("notebook") { folder in
      let results = folder.appendingPathComponent("results")
      try ReportWriter.write(report, to: results)
      let file = folder.appendingPathComponent("report.ipynb")
      try Data(ReportExport.notebook(report, results: "results").utf8).write(to: file)
      let process = Process()
      process.executableURL = Self.python.map { URL(fileURLWithPath: $0) }
      process.arguments = [
        "-m", "nbconvert", "--to", "html", "--execute", "--output", "report.html", file.path,
      ]
      process.currentDirectoryURL = folder
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
      let page = try String(
        contentsOf: folder.appendingPathComponent("report.html"), encoding: .utf8)
      // Two Pareto figures and one staircase.
      #expect(page.components(separatedBy: "src=\"data:image/png").count == 4)
    }
  }
}
