import Experiments
import Foundation
import Records
import Reporting

/// A file of records: it is read, and all valid records are drawn in every part of a report.
///
/// Few changed lines keep the key of their trial, so otherwise valid lines get a matching key and
/// seal and are read again.
enum RecordsInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let file = folder.appendingPathComponent("latency-x.jsonl")
    try Data(bytes).write(to: file)
    try draw(folder)
    let sealed = bytes.split(separator: UInt8(ascii: "\n")).compactMap { resealed(Data($0)) }
    guard !sealed.isEmpty else { return }
    try Data(sealed.joined()).write(to: file)
    try draw(folder)
  }

  private static func resealed(_ line: Data) -> Data? {
    guard var record = try? JSONDecoder().decode(Record.self, from: line) else { return nil }
    record.key = RecordLine.key(of: record.measurement)
    return try? RecordLine.data(record)
  }

  private static func draw(_ folder: URL) throws {
    let records = try RecordsFolder.read(folder).records
    guard !records.isEmpty else { return }
    try Drawing.draw(Report(records: records, name: "fuzz"), folder)
  }
}

/// Every part of a report.
enum Drawing {
  static func draw(_ report: Report, _ folder: URL) throws {
    _ = TerminalTable(report).text()
    try ReportWriter.write(report, to: folder.appendingPathComponent("report"))
  }
}
