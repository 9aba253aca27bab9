import Foundation
import Records
import Testing

@testable import Reporting

@Suite struct ReportWriterTests {
  @Test func `every file is written, and only complete ones remain`() throws {
    let report = Report(
      records: RecordBuilder.comparison() + RecordBuilder.staircase(batchSizes: [1, 4]),
      name: "quickstart", rows: RecordBuilder.comparedRows)
    try withScratchFolder("writer") { folder in
      let files = try ReportWriter.write(report, to: folder)
      let names = Set(files.map { $0.path.replacing(folder.path + "/", with: "") })
      #expect(
        names == [
          "figures/pareto.svg", "figures/staircase.svg", "figures/break_even.svg", "table.csv",
          "pareto.csv", "classes.csv", "staircase.csv", "steps.csv", "report.md", "report.html",
        ])
      let found = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
      #expect(names.isSubset(of: found))
      #expect(found.count == names.count + 1)
      for file in files where file.pathExtension == "svg" {
        #expect(throws: Never.self) { try XMLCheck.parse(Data(contentsOf: file)) }
      }
    }
  }

  @Test func `figures without data are not written`() throws {
    let report = Report(records: [], name: "empty")
    try withScratchFolder("empty") { folder in
      let files = try ReportWriter.write(report, to: folder)
      #expect(
        files.map(\.lastPathComponent) == ["table.csv", "report.md", "report.html"])
      #expect(
        try String(contentsOf: folder.appendingPathComponent("report.md"), encoding: .utf8)
          .contains("No results yet."))
    }
  }

  @Test func `a pipe in place of an earlier report's file is replaced, not read`() throws {
    let report = Report(
      records: RecordBuilder.comparison(), name: "r", rows: RecordBuilder.comparedRows)
    try withScratchFolder("pipe") { folder in
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("figures"), withIntermediateDirectories: true)
      for name in ["figures/pareto.svg", "pareto.csv", "steps.csv", "report.html"] {
        #expect(mkfifo(folder.appendingPathComponent(name).path, 0o600) == 0)
      }
      try ReportWriter.write(report, to: folder)
      let page = try Data(contentsOf: folder.appendingPathComponent("report.html"))
      #expect(page.starts(with: Data("<!doctype".utf8)))
      // A report without steps removes the file with their name.
      #expect(
        !FileManager.default.fileExists(atPath: folder.appendingPathComponent("steps.csv").path))
    }
  }

  @Test func `a file in place of the folder is named`() throws {
    try withScratchFolder("blocked") { folder in
      let place = folder.appendingPathComponent("file")
      try Data("x".utf8).write(to: place)
      #expect(throws: ReportingError.self) {
        try ReportWriter.write(Report(records: [], name: "empty"), to: place)
      }
    }
  }

  @Test func `only files of an earlier report are deleted`() throws {
    let rich = Report(
      records: RecordBuilder.comparison() + RecordBuilder.staircase(), name: "r",
      rows: RecordBuilder.comparedRows)
    try withScratchFolder("stale") { folder in
      try ReportWriter.write(rich, to: folder)
      let mine = ["figures/own.svg", "notes.csv", "figures/pareto.png", "figures/staircase.png"]
      for name in mine { try Data("x".utf8).write(to: folder.appendingPathComponent(name)) }
      // Writing the same report again keeps the PNG files of its drawings.
      try ReportWriter.write(rich, to: folder)
      func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
      }
      #expect(mine.allSatisfy(exists))
      try ReportWriter.write(Report(records: RecordBuilder.comparison(), name: "r"), to: folder)
      #expect(mine.map(exists) == [true, true, false, false])
      #expect(!exists("figures/staircase.svg") && !exists("staircase.csv") && !exists("steps.csv"))
      #expect(exists("figures/pareto.svg") && exists("table.csv"))
    }
  }
}
