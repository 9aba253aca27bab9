import Foundation
import Synchronization

/// Writes files completely or not at all.
///
/// A file is written under a temporary name in the same folder, then renamed. Temporary files of a
/// killed process are deleted by the next process that writes into the folder.
package enum WholeFile {
  private static let ending = ".partial"
  /// Folders that this process has looked through.
  private static let cleaned = Mutex<Set<String>>([])

  /// Replaces the file at `url` by `data`.
  ///
  /// Errors: `POSIXError`, with the file as it was.
  package static func write(_ data: Data, to url: URL) throws {
    let folder = url.deletingLastPathComponent()
    if cleaned.withLock({ $0.insert(folder.path).inserted }) { removeLeftovers(in: folder) }
    let part = folder.appendingPathComponent(
      ".\(url.lastPathComponent)\(owner(ProcessInfo.processInfo.processIdentifier))")
    let descriptor = open(part.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw lastError() }
    do {
      try write(data, to: descriptor)
      guard close(descriptor) == 0 else { throw lastError() }
    } catch {
      unlink(part.path)
      throw error
    }
    guard rename(part.path, url.path) == 0 else {
      let error = lastError()
      unlink(part.path)
      throw error
    }
  }

  /// Writes `data` to a place that the user named: a file completely, also through a link, and
  /// directly into a device or a pipe, such as `/dev/null` and `/dev/stdout`.
  ///
  /// Errors: `POSIXError`.
  package static func store(_ data: Data, at url: URL) throws {
    switch FileStatus(of: PathBytes(url.path))?.kind {
    case .device, .pipe, .socket:
      // A new name in its place would take the device from every program.
      let descriptor = open(url.path, O_WRONLY | O_CLOEXEC | O_NOCTTY)
      guard descriptor >= 0 else { throw lastError() }
      try write(data, to: descriptor)
      close(descriptor)
    default: try write(data, to: url.resolvingSymlinksInPath())
    }
  }

  private static func write(_ data: Data, to descriptor: Int32) throws {
    do {
      try data.withUnsafeBytes { bytes in
        var written = 0
        while written < bytes.count {
          guard let start = bytes.baseAddress else { break }
          // Not `Foundation.write`, which this would be inside the enumeration.
          let count = posixWrite(descriptor, start + written, bytes.count - written)
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { throw lastError() }
          written += count
        }
      }
      // Without it a power cut may leave the new name and none of the bytes.
      guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS else { throw lastError() }
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// The end of a part's name: whose it is.
  private static func owner(_ process: Int32) -> String { ".\(host)-\(process)\(ending)" }

  private static let host = String(
    ProcessInfo.processInfo.hostName.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })

  /// Deletes temporary files of dead processes of this machine.
  private static func removeLeftovers(in folder: URL) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where name.hasPrefix(".") && name.hasSuffix(ending) {
      guard let dash = name.lastIndex(of: "-"),
        let process = Int32(name[name.index(after: dash)...].dropLast(ending.count)),
        name.hasSuffix(owner(process)), kill(process, 0) != 0, errno == ESRCH
      else { continue }
      unlink(folder.appendingPathComponent(name).path)
    }
  }

  private static func lastError() -> POSIXError {
    POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
  }
}

private func posixWrite(_ descriptor: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, start, count)
}
