import Foundation
import Records

/// Reads one file of records from where the last reading ended.
struct RecordsFile {
  let url: URL
  /// The path for messages.
  let name: String
  private var offset = 0
  private var lines = 0
  private var hasWarnedOfTear = false

  init(url: URL, name: String) {
    self.url = url
    self.name = name
  }

  /// The records of the whole lines that were added since the last reading.
  ///
  /// A last line without its newline is torn: it is dropped with a warning and read again once it is whole.
  /// Errors: `ExperimentsError.recordTooNew`, `.fileUnreadable`.
  mutating func readNew(into records: inout [Record], warnings: inout [String]) throws {
    let data: Data
    do {
      let handle = try FileHandle(forReadingFrom: url)
      defer { try? handle.close() }
      try handle.seek(toOffset: UInt64(offset))
      data = try handle.readToEnd() ?? Data()
    } catch {
      throw ExperimentsError.fileUnreadable(file: name, reason: error.localizedDescription)
    }
    var start = data.startIndex
    while let end = data[start...].firstIndex(of: UInt8(ascii: "\n")) {
      try read(data[start..<end], into: &records, warnings: &warnings)
      start = data.index(after: end)
    }
    offset += start - data.startIndex
    guard start < data.endIndex else { return }
    // A writer killed between the line and its newline leaves a whole record.
    if let record = try? RecordLine.record(Data(data[start...])) {
      records.append(record)
    } else {
      guard !hasWarnedOfTear else { return }
      hasWarnedOfTear = true
      warnings.append(
        "\(name):\(lines + 1): the last line is torn, as a killed run leaves it; it is left out "
          + "and measured again")
    }
  }

  private mutating func read(
    _ line: Data.SubSequence, into records: inout [Record], warnings: inout [String]
  ) throws {
    lines += 1
    guard !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else { return }
    do {
      records.append(try RecordLine.record(Data(line)))
    } catch RecordLine.Flaw.tooNew(let schema) {
      throw ExperimentsError.recordTooNew(file: name, line: lines, schema: schema)
    } catch RecordLine.Flaw.notARecord(let reason) {
      warnings.append(
        "\(name):\(lines): not a record: \(reason); the line stays in the file, is left out of "
          + "every table and measured again")
    }
  }
}
