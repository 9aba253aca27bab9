import Experiments
import Foundation
import Records
import Reporting

/// A file of records: read, and whatever counts as a record drawn as every part of a report.
///
/// Few changed lines keep a key that belongs to their trial, so lines that are whole otherwise are
/// given theirs and a seal, and read again: what anyone could write.
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
