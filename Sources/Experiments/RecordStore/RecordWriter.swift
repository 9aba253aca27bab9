import Files
import Foundation
import Support

/// Appends whole lines to a file that only this process writes.
///
/// Each line is one `write(2)` followed by `fsync(2)`: a killed process loses at most the current
/// line.
final class RecordWriter {
  private let descriptor: Int32
  let name: String

  /// Creates a new file in `folder`, named after the kind of record, the host and this process.
  ///
  /// - Throws: `ExperimentsError.folderNotWritable`.
  init(folder: URL, folderName: String, kind: String, host: String, process: Int32) throws {
    let safeHost = String(
      host.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ".") ? $0 : "-" })
    var descriptor: Int32 = -1
    var name = ""
    // Process ids are reused, and no process may append to the file of another.
    for attempt in 1... {
      name = "\(kind)-\(safeHost)-\(process)" + (attempt == 1 ? "" : "-\(attempt)") + ".jsonl"
      descriptor = open(
        folder.appendingPathComponent(name).path,
        O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
      if descriptor >= 0 || errno != EEXIST { break }
    }
    guard descriptor >= 0 else {
      throw ExperimentsError.folderNotWritable(folder: folderName, reason: systemReason())
    }
    self.descriptor = descriptor
    self.name = "\(folderName)/\(name)"
  }

  /// Uses an open file.
  init(descriptor: Int32, name: String) {
    self.descriptor = descriptor
    self.name = name
  }

  deinit { close(descriptor) }

  /// Appends a line, newline included, whole or not at all.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`, with the file as it was before.
  func append(_ line: Data) throws {
    let before = lseek(descriptor, 0, SEEK_END)
    var written = 0
    while written < line.count {
      let count = line.withUnsafeBytes { bytes in
        write(descriptor, bytes.baseAddress?.advanced(by: written), line.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw undo(to: before) }
      written += count
    }
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else {
      throw undo(to: before)
    }
  }

  private func undo(to length: off_t) -> ExperimentsError {
    let reason = systemReason()
    _ = ftruncate(descriptor, max(length, 0))
    return .recordNotStored(file: name, reason: reason)
  }
}
