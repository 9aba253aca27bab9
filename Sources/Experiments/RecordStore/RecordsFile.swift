import Files
import Foundation
import Records

/// Reads one records file, starting where the last reading ended.
struct RecordsFile {
  /// The file as the user named it.
  let name: String
  private let path: PathBytes
  private var offset = 0
  private var lines = 0
  private var hasWarnedOfTear = false

  /// Larger than any real records file; a sparse file of a terabyte is refused.
  private static let maxBytes = 1 << 36
  /// The size of a chunk in bytes; each chunk ends with a whole line.
  private static let chunkBytes = 1 << 22
  /// Longer than any record.
  private static let maxLineBytes = 1 << 26

  init(path: PathBytes, name: String) {
    self.path = path
    self.name = name
  }

  /// The result of a reading.
  struct Found {
    var records: [Record] = []
    var unsealed = 0
    var warnings: [String] = []
  }

  /// The records of the complete lines added since the last reading.
  ///
  /// A last line without a newline is incomplete: it is skipped with a warning, and read again once
  /// it is complete. Errors: `ExperimentsError.recordTooNew`, `.impossible` if it is not a readable
  /// file.
  mutating func readNew(into found: inout Found, with readers: LineReaders) throws {
    let file: RegularFile
    do {
      file = try RegularFile(path, maxBytes: Self.maxBytes)
    } catch {
      throw ExperimentsError.impossible(
        subject: name, message: "\(error.reason); move it out of the folder")
    }
    var chunkBytes = Self.chunkBytes
    // Reused, since new memory takes as long as reading a file into it.
    var chunk: [UInt8] = []
    while offset < file.size {
      do {
        try file.read(into: &chunk, from: offset, count: chunkBytes)
      } catch {
        throw ExperimentsError.impossible(subject: name, message: error.reason)
      }
      let read = try readLines(of: chunk, into: &found, with: readers)
      offset += read
      if read > 0 { continue }
      guard chunk.count == chunkBytes else {
        return readTail(chunk, into: &found, with: readers)
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
    of chunk: [UInt8], into found: inout Found, with readers: LineReaders
  ) throws -> Int {
    var whole: [Range<Int>] = []
    var start = 0
    while let end = Self.newline(in: chunk, from: start) {
      whole.append(start..<end)
      start = end + 1
    }
    for outcome in readers.read(whole, of: chunk) { try note(outcome, in: &found) }
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
    _ tail: [UInt8], into found: inout Found, with readers: LineReaders
  ) {
    // A writer killed between the line and its newline leaves a whole record.
    if case .success(let reading) = readers.read(tail) {
      found.records.append(reading.record)
    } else if !hasWarnedOfTear {
      hasWarnedOfTear = true
      found.warnings.append(
        "\(name):\(lines + 1): the last line is torn, as a killed run leaves it; it is left out "
          + "and measured again")
    }
  }

  private mutating func note(_ outcome: LineReaders.Outcome, in found: inout Found) throws {
    lines += 1
    switch outcome {
    case nil: break
    case .success(let reading):
      found.records.append(reading.record)
      if !reading.isSealed { found.unsealed += 1 }
    case .failure(.tooNew(let schema)):
      throw ExperimentsError.recordTooNew(file: name, line: lines, schema: schema)
    case .failure(.notARecord(let reason)):
      found.warnings.append(
        "\(name):\(lines): not a record: \(reason); the line stays in the file, is left out of "
          + "every table and measured again")
    }
  }
}
