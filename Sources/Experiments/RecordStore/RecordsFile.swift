import Files
import Foundation
import Records

/// Reads one file of records from where the last reading ended.
struct RecordsFile {
  /// As a person named it.
  let name: String
  private let path: PathBytes
  private var offset = 0
  private var lines = 0
  private var hasWarnedOfTear = false

  /// Above the size of any file of records; a sparse file of a terabyte is refused.
  private static let maxBytes = 1 << 36
  /// The bytes of a reading, of which each ends with a whole line.
  private static let chunkBytes = 1 << 22
  /// More than any record has.
  private static let maxLineBytes = 1 << 26

  init(path: PathBytes, name: String) {
    self.path = path
    self.name = name
  }

  /// What a reading found.
  struct Found {
    var records: [Record] = []
    var unsealed = 0
    var warnings: [String] = []
  }

  /// The records of the whole lines that were added since the last reading.
  ///
  /// A last line without its newline is torn: it is dropped with a warning and read again once it
  /// is whole. Errors: `ExperimentsError.recordTooNew`, `.impossible` for what is no readable file.
  mutating func readNew(into found: inout Found, with decoder: LineDecoder) throws {
    let file: RegularFile
    do {
      file = try RegularFile(path, maxBytes: Self.maxBytes)
    } catch {
      throw ExperimentsError.impossible(
        subject: name, message: "\(error.reason); move it out of the folder")
    }
    var chunkBytes = Self.chunkBytes
    while offset < file.size {
      let chunk: [UInt8]
      do {
        chunk = try file.bytes(from: offset, count: chunkBytes)
      } catch {
        throw ExperimentsError.impossible(subject: name, message: error.reason)
      }
      let read = try readLines(of: chunk, into: &found, with: decoder)
      offset += read
      if read > 0 { continue }
      guard chunk.count == chunkBytes else {
        return readTail(chunk, into: &found, with: decoder)
      }
      chunkBytes *= 2
      guard chunkBytes <= Self.maxLineBytes else {
        throw ExperimentsError.impossible(
          subject: "\(name):\(lines + 1)",
          message: "the line is longer than any record; move the file out of the folder")
      }
    }
  }

  /// Reads the whole lines of `chunk`; returns how many bytes they have.
  private mutating func readLines(
    of chunk: [UInt8], into found: inout Found, with decoder: LineDecoder
  ) throws -> Int {
    var start = 0
    while let end = Self.newline(in: chunk, from: start) {
      try read(Array(chunk[start..<end]), into: &found, with: decoder)
      start = end + 1
    }
    return start
  }

  private static func newline(in bytes: [UInt8], from start: Int) -> Int? {
    bytes.withUnsafeBytes { text in
      guard let base = text.baseAddress, start < text.count,
        let found = memchr(base + start, Int32(UInt8(ascii: "\n")), text.count - start)
      else { return nil }
      return UnsafeRawPointer(found) - base
    }
  }

  /// A last line without its newline.
  private mutating func readTail(
    _ tail: [UInt8], into found: inout Found, with decoder: LineDecoder
  ) {
    // A writer killed between the line and its newline leaves a whole record.
    if let reading = try? RecordLine.read(tail, with: decoder) {
      found.records.append(reading.record)
    } else if !hasWarnedOfTear {
      hasWarnedOfTear = true
      found.warnings.append(
        "\(name):\(lines + 1): the last line is torn, as a killed run leaves it; it is left out "
          + "and measured again")
    }
  }

  private mutating func read(
    _ line: [UInt8], into found: inout Found, with decoder: LineDecoder
  ) throws {
    lines += 1
    guard !line.allSatisfy({ $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\r") }) else { return }
    do {
      let reading = try RecordLine.read(line, with: decoder)
      found.records.append(reading.record)
      if !reading.isSealed { found.unsealed += 1 }
    } catch RecordLine.Flaw.tooNew(let schema) {
      throw ExperimentsError.recordTooNew(file: name, line: lines, schema: schema)
    } catch RecordLine.Flaw.notARecord(let reason) {
      found.warnings.append(
        "\(name):\(lines): not a record: \(reason); the line stays in the file, is left out of "
          + "every table and measured again")
    }
  }
}
