import Files
import Foundation
import Synchronization

/// Cached hashes of files, by all of the system's metadata of a file.
///
/// A hash is valid only as long as device, inode, size, modification time and status-change time,
/// which cannot be set back, are all unchanged. The hash of a file that changed less than two
/// seconds before it was read is not cached, because a coarse clock could hide a second change. A
/// cache that is damaged, missing or not writable only costs time.
final class HashCache: Sendable {
  private struct Entry {
    let size: Int
    let modified: Int64
    let changed: Int64
    let digest: [UInt8]
  }

  /// A file, or a part of one: a member of an archive begins at an offset above 0.
  private struct Key: Hashable {
    let identity: FileStatus.Identity
    let offset: Int
  }

  private struct State {
    var entries: [Key: Entry] = [:]
    var isChanged = false
  }

  private static let mark = Array("labpics2".utf8)
  private static let entryBytes = 80
  /// The maximum number of entries; beyond it, the cache is cleared, including entries of deleted
  /// files.
  private static let maxEntries = 4_000_000
  private static let unsettled: Int64 = 2_000_000_000

  private let path: URL?
  private let state: Mutex<State>

  /// What is kept of the files below `root`; nothing where `folder` is nil.
  init(folder: URL?, root: PathBytes) {
    let name = SHA256.hash(data: root.bytes).prefix(16).hexadecimal
    path = folder?.appendingPathComponent(name + ".hashes")
    state = Mutex(State(entries: path.map(Self.read) ?? [:]))
  }

  /// - Parameter offset: Of the part's first byte; 0 for the whole file.
  func digest(of status: FileStatus, offset: Int = 0) -> [UInt8]? {
    state.withLock { state in
      guard let entry = state.entries[Key(identity: status.identity, offset: offset)],
        entry.size == status.size,
        entry.modified == status.modified, entry.changed == status.changed,
        status.kind == .file
      else { return nil }
      return entry.digest
    }
  }

  /// - Parameter moment: When the file began to be read.
  func keep(_ digest: [UInt8], of status: FileStatus, offset: Int = 0, at moment: Date) {
    let read = Int64(moment.timeIntervalSince1970 * 1e9)
    guard path != nil, max(status.modified, status.changed) < read - Self.unsettled else { return }
    state.withLock { state in
      if state.entries.count >= Self.maxEntries { state.entries = [:] }
      state.entries[Key(identity: status.identity, offset: offset)] = Entry(
        size: status.size, modified: status.modified, changed: status.changed, digest: digest)
      state.isChanged = true
    }
  }

  /// Writes a temporary file and renames it, so that another process sees either all of it or
  /// nothing.
  func save() {
    guard let path, state.withLock({ $0.isChanged }) else { return }
    var body: [UInt8] = []
    state.withLock { state in
      body.reserveCapacity(state.entries.count * Self.entryBytes)
      for (key, entry) in state.entries {
        for value in [
          key.identity.device, key.identity.inode, UInt64(key.offset), UInt64(entry.size),
          UInt64(bitPattern: entry.modified), UInt64(bitPattern: entry.changed),
        ] {
          withUnsafeBytes(of: value.littleEndian) { body += $0 }
        }
        body += entry.digest
      }
      state.isChanged = false
    }
    try? FileManager.default.createDirectory(
      at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
    try? WholeFile.write(
      Data(Self.mark + SHA256.hash(data: body) + body), to: path)
  }

  private static func read(_ path: URL) -> [Key: Entry] {
    let maximum = maxEntries * entryBytes + 64
    guard let bytes = try? RegularFile.contents(of: PathBytes(path.path), maxBytes: maximum),
      bytes.count >= 40, Array(bytes[..<8]) == mark, (bytes.count - 40) % entryBytes == 0,
      SHA256.hash(data: bytes[40...]) == Array(bytes[8..<40])
    else { return [:] }
    var entries: [Key: Entry] = [:]
    entries.reserveCapacity((bytes.count - 40) / entryBytes)
    bytes.withUnsafeBytes { raw in
      for start in stride(from: 40, to: raw.count, by: entryBytes) {
        let values = (0..<6).map {
          UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: start + 8 * $0, as: UInt64.self))
        }
        let key = Key(
          identity: FileStatus.Identity(device: values[0], inode: values[1]),
          offset: Int(truncatingIfNeeded: values[2]))
        entries[key] = Entry(
          size: Int(truncatingIfNeeded: values[3]), modified: Int64(bitPattern: values[4]),
          changed: Int64(bitPattern: values[5]), digest: Array(raw[(start + 48)..<(start + 80)]))
      }
    }
    return entries
  }
}
