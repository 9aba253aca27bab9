import Foundation
import Records
import Testing

@testable import Reporting

@Suite struct ReportWriterTests {
  @Test func `every file is written, and only complete ones are left`() throws {
    let report = Report(
      records: RecordBuilder.comparison() + RecordBuilder.staircase(batchSizes: [1, 4]),
      name: "quickstart", rows: RecordBuilder.comparedRows)
    try withScratchFolder("writer") { folder in
      let files = try ReportWriter.write(report, to: folder)
      let names = Set(files.map { $0.path.replacing(folder.path + "/", with: "") })
      #expect(
        names == [
          "figures/pareto.svg", "figures/staircase.svg", "figures/break_even.svg", "table.csv",
          "pareto.csv", "staircase.csv", "steps.csv", "report.md", "report.html",
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
        files.map(\.lastPathComponent) == ["table.csv", "pareto.csv", "report.md", "report.html"])
      #expect(
        try String(contentsOf: folder.appendingPathComponent("report.md"), encoding: .utf8)
          .contains("No results yet."))
    }
  }

  @Test func `a file in the folder's place is named`() throws {
    try withScratchFolder("blocked") { folder in
      let place = folder.appendingPathComponent("file")
      try Data("x".utf8).write(to: place)
      #expect(throws: ReportingError.self) {
        try ReportWriter.write(Report(records: [], name: "empty"), to: place)
      }
    }
  }
}
