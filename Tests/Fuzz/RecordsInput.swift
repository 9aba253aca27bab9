import Experiments
import Foundation
import Records
import Reporting
import Support

/// A file of records: it is read, and of every sixteenth, chosen by its bytes, all valid records
/// are drawn in every part of a report, which takes twenty times as long as reading.
///
/// Few changed lines keep the key of their trial, so otherwise valid lines get a matching key and
/// seal and are read again.
enum RecordsInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let file = folder.appendingPathComponent("latency-x.jsonl")
    let isDrawn = FNV1a.hash(bytes) % 16 == 0
    try Data(bytes).write(to: file)
    try read(folder, isDrawn)
    let sealed = bytes.split(separator: UInt8(ascii: "\n")).compactMap { resealed(Array($0)) }
    guard !sealed.isEmpty else { return }
    try Data(sealed.joined()).write(to: file)
    try read(folder, isDrawn)
  }

  private static func resealed(_ line: [UInt8]) -> Data? {
    guard let line = try? JSONBytes(line),
      var record = try? LineDecoder().decode(Record.self, from: line)
    else { return nil }
    record.key = RecordLine.key(of: record.measurement)
    return try? RecordLine.data(record)
  }

  private static func read(_ folder: URL, _ isDrawn: Bool) throws {
    let records = try RecordsFolder.read(folder).records
    guard isDrawn, !records.isEmpty else { return }
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
