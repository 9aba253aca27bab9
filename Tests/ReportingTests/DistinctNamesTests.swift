import Foundation
import Records
import Testing

@testable import Reporting

/// Everything that a spec distinguishes is distinguished in every output.
@Suite struct DistinctNamesTests {
  private let methods = [RecordBuilder.baseline, RecordBuilder.method("topk", ["r": .integer(3)])]

  private func records(_ change: (inout RecordBuilder) -> Void) -> [Record] {
    var builder = RecordBuilder()
    change(&builder)
    let id = "\(builder.model) \(builder.dataset)"
    return methods.enumerated().flatMap { index, method in
      builder.accuracy(method, correct: 0.9 - 0.1 * Double(index))
        + [builder.latency(method, milliseconds: 9 - Double(index))]
    }.map { record in
      var record = record
      record.key += id
      return record
    }
  }

  /// All text formats of a report.
  private func texts(_ report: Report) throws -> [String: String] {
    var texts = [
      "terminal": TerminalTable(report).text(), "csv": CSVTable.all(report),
      "latex": ReportExport.latex(report), "json": ReportExport.json(report),
      "page": HTMLPage(report: report).text(),
    ]
    try withScratchFolder("names") { folder in
      for file in try ReportWriter.write(report, to: folder) {
        texts[file.lastPathComponent] = try String(contentsOf: file, encoding: .utf8)
      }
    }
    return texts
  }

  private func expect(_ names: [String], in report: Report) throws {
    for (output, text) in try texts(report) where !output.hasSuffix(".csv") || output == "table.csv"
    {
      for name in names {
        let escaped = output == "latex" ? LaTeXTable.escaped(name) : name
        let slashed = output == "json" ? escaped.replacing("/", with: "\\/") : escaped
        #expect(text.contains(escaped) || text.contains(slashed), "\(output): \(name)")
      }
    }
  }

  private func weights(_ digest: String) -> [Record] {
    records { $0.model.weights = WeightsSetting(name: "model.safetensors", digest: digest) }
  }

  @Test
  func `weights with the same file name are distinguished by the shortest end of their paths`()
    throws
  {
    let report = Report(
      records: weights("d1") + weights("d2"), name: "r",
      paths: [
        "d1": "/data/runs/a/best/model.safetensors", "d2": "/data/runs/b/best/model.safetensors",
      ])
    #expect(
      report.groups.map { $0.weights?.name }
        == ["a/best/model.safetensors", "b/best/model.safetensors"])
    try expect(["a/best/model.safetensors", "b/best/model.safetensors"], in: report)
  }

  @Test func `weights with unknown paths are distinguished by their digest`() throws {
    let report = Report(records: weights("0123456789") + weights("abcdef0123"), name: "r")
    try expect(["model.safetensors 01234567", "model.safetensors abcdef01"], in: report)
    // A file that was replaced has one path for two digests.
    let replaced = Report(
      records: weights("0123456789") + weights("abcdef0123"), name: "r",
      paths: ["0123456789": "a/model.safetensors", "abcdef0123": "a/model.safetensors"])
    #expect(replaced.groups.map { $0.weights?.name } == report.groups.map { $0.weights?.name })
  }

  @Test func `models with the same name are distinguished by the sizes that differ`() throws {
    func sized(_ depth: Int) -> [Record] {
      records {
        $0.model.name = "custom"
        $0.model.architecture["depth"] = .integer(depth)
      }
    }
    let report = Report(records: sized(4) + sized(6), name: "r")
    try expect(["custom depth=4", "custom depth=6"], in: report)
  }

  @Test func `data sets with the same name and size are distinguished by their paths`() throws {
    func pictures(_ fingerprint: String) -> [Record] {
      records {
        $0.dataset.name = "pets"
        $0.dataset.fingerprint = fingerprint
      }
    }
    let report = Report(
      records: pictures("f1") + pictures("f2"), name: "r",
      paths: ["f1": "old/pets", "f2": "new/pets"])
    try expect(["old/pets", "new/pets"], in: report)
  }

  @Test func `requested rows have the names of the measured ones`() {
    var builder = RecordBuilder()
    builder.model.weights = WeightsSetting(name: "model.safetensors", digest: "d2")
    let rows = methods.map {
      RowKey(
        model: builder.model, method: $0,
        place: RowPlace(weights: builder.model.weights, dataset: builder.dataset))
    }
    let report = Report(
      records: weights("d1") + weights("d2"), name: "r", rows: rows,
      paths: ["d1": "a/model.safetensors", "d2": "b/model.safetensors"])
    #expect(report.groups.map { $0.weights?.name } == ["b/model.safetensors"])
    #expect(report.groups.map { $0.rows.compactMap(\.accuracy).count } == [2])
  }

  @Test func `a unique name is kept`() {
    let report = Report(
      records: weights("d1"), name: "r", paths: ["d1": "/data/runs/a/model.safetensors"])
    #expect(report.groups.map { $0.weights?.name } == ["model.safetensors"])
  }

  @Test func `a report with longer names can be compared with one without`() {
    func sized(_ depth: Int) -> [Record] {
      records {
        $0.model.name = "custom"
        $0.model.architecture["depth"] = .integer(depth)
      }
    }
    let both = Report(records: sized(4) + sized(6), name: "a")
    let one = Report(records: sized(6), name: "b")
    #expect(Comparison(a: both, b: one).groups.map(\.rows.count) == [2])
  }

  @Test func `remarks are in every format of a report`() throws {
    let report = Report(
      records: weights("d1"), name: "r", remarks: ["its accuracy is not measured"])
    for (output, text) in try texts(report)
    where ["terminal", "page", "report.md"].contains(output) {
      #expect(text.contains("its accuracy is not measured"), "\(output)")
    }
  }
}
