import Foundation
import Records
import Testing

@testable import Reporting

/// Renders a small stored record file and compares every byte with the stored output.
///
/// With `LAB_UPDATE_SNAPSHOTS=1` the stored output is replaced; review the difference before
/// committing it.
@Suite struct SnapshotTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures")
  private static let updates =
    ProcessInfo.processInfo.environment["LAB_UPDATE_SNAPSHOTS"] == "1"

  private static func records() throws -> [Record] {
    let text = try String(
      contentsOf: folder.appendingPathComponent("small.jsonl"), encoding: .utf8)
    let decoder = JSONDecoder()
    return try text.split(separator: "\n").map {
      try decoder.decode(Record.self, from: Data($0.utf8))
    }
  }

  private static func report() throws -> Report {
    let records = try records()
    // As with a spec: the grid of `random` is used for the staircase, not the table.
    var models: [ModelSetting] = []
    var methods: [MethodSetting] = []
    for case .accuracy(let trial, _) in records.map(\.measurement) {
      models.append(trial.model)
      if !methods.contains(trial.method) { methods.append(trial.method) }
    }
    let model = try #require(models.first)
    return Report(
      records: records, name: "small", rows: methods.map { RowKey(model: model, method: $0) })
  }

  private func compare(_ text: String, with name: String) throws {
    let file = Self.folder.appendingPathComponent(name)
    if Self.updates { try Data(text.utf8).write(to: file) }
    let stored = try String(contentsOf: file, encoding: .utf8)
    #expect(text == stored, "\(name) differs from what is stored")
  }

  @Test func `the stored records equal those of the builder`() throws {
    let file = Self.folder.appendingPathComponent("small.jsonl")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let lines = try RecordBuilder.small().map {
      String(decoding: try encoder.encode($0), as: UTF8.self)
    }
    if Self.updates { try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file) }
    #expect(try Self.records() == RecordBuilder.small())
  }

  @Test func `the terminal table matches`() throws {
    try compare(TerminalTable(Self.report(), width: 120).text(), with: "small.txt")
  }

  @Test(arguments: [
    "report.md", "table.csv", "pareto.csv", "figures/pareto.svg", "figures/staircase.svg",
  ])
  func `the written files match`(name: String) throws {
    let text = try withScratchFolder("snapshot-\(name.replacing("/", with: "-"))") { folder in
      try ReportWriter.write(Self.report(), to: folder)
      return try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }
    try compare(text, with: "small.\(name.replacing("figures/", with: ""))")
  }
}
