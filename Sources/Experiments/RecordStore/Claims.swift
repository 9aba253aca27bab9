import Files
import Foundation
import Support

/// A lock on a file, held until it is released or the process ends in any way.
///
/// The system releases the `flock(2)` locks of a dead process, so no claim can be stale.
package final class FileLock {
  private let descriptor: Int32
  private let path: String?

  /// - Parameter path: Removed on release, when given.
  init(descriptor: Int32, removing path: String? = nil) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit {
    // Removed before it is unlocked: a process that opened it in the meantime sees that it is gone,
    // and opens it again.
    if let path { unlink(path) }
    close(descriptor)
  }
}

/// The trials that a process is working on, so that several processes share a folder without
/// measuring a trial twice.
package struct Claims {
  private let folder: URL
  private let owner: String

  /// - Parameters:
  ///   - folder: Created if it does not exist and writing is allowed.
  ///
  /// - Throws: `ExperimentsError.folderNotWritable`.
  package init(folder: URL, host: String, process: Int32, writes: Bool = true) throws {
    self.folder = folder
    owner = "\(host) \(process)\n"
    guard writes else { return }
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw ExperimentsError.folderNotWritable(
        folder: folder.relativePath, reason: systemReason(of: error))
    }
  }

  /// The claim of a key; `nil` while another process holds it.
  ///
  /// If the file system cannot lock, every claim succeeds: work may then be done twice, but is
  /// never lost.
  package func take(_ key: String) throws -> FileLock? {
    let path = folder.appendingPathComponent(key).path
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw ExperimentsError.folderNotWritable(
          folder: folder.relativePath, reason: systemReason())
      }
      if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
        if errno == EWOULDBLOCK {
          close(descriptor)
          return nil
        }
        return FileLock(descriptor: descriptor, removing: path)
      }
      // The holder before may have removed the file between our opening and our locking it.
      var opened = stat()
      var named = stat()
      if fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino {
        _ = ftruncate(descriptor, 0)
        _ = owner.withCString { write(descriptor, $0, strlen($0)) }
        return FileLock(descriptor: descriptor, removing: path)
      }
      close(descriptor)
    }
  }

  /// The files that are locked for the claims of `keys`.
  func paths(_ keys: [String]) -> [String] {
    keys.map { folder.appendingPathComponent($0).path }
  }

  /// Whether any process, this one included, holds a claim.
  package var anyHeld: Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.contains { name in
      let descriptor = open(folder.appendingPathComponent(name).path, O_RDWR | O_CLOEXEC)
      guard descriptor >= 0 else { return false }
      defer { close(descriptor) }
      return flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
  }
}
