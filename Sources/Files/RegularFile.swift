import Foundation

/// A regular file, open for reading.
///
/// Pipes, devices, sockets and folders are refused before a byte is read: a pipe waits for a writer
/// for ever, and `/dev/zero` has no end.
package struct RegularFile: ~Copyable {
  package let path: PathBytes
  /// The identity of the file when it was opened.
  package let status: FileStatus
  /// The open file; closed with this value.
  package let descriptor: Int32

  /// Bytes when the file was opened.
  package var size: Int { status.size }

  /// Opens the file at `path`, links followed.
  ///
  /// Errors: `FileError`; `.tooLarge` for a file of more than `maxBytes`, a sparse one included.
  package init(_ path: PathBytes, maxBytes: Int = .max) throws(FileError) {
    // A pipe without a writer would keep `open` waiting; reading regular files is not affected.
    let opened = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
    guard opened >= 0 else { throw .unreadable(path: path, reason: systemReason()) }
    let found: FileStatus
    do throws(FileError) {
      found = try FileStatus(of: opened, path: path)
      guard found.kind == .file else { throw .notRegular(path: path, kind: found.kind) }
      guard found.size <= maxBytes else {
        throw .tooLarge(path: path, bytes: found.size, maximum: maxBytes)
      }
    } catch {
      close(opened)
      throw error
    }
    self.path = path
    status = found
    descriptor = opened
  }

  deinit { close(descriptor) }

  /// Reads from byte `offset` on until `buffer` is full or the file ends; returns how many bytes.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, from offset: Int = 0
  ) throws(FileError) -> Int {
    var position = 0
    while position < buffer.count {
      guard let start = buffer.baseAddress else { break }
      let got = pread(descriptor, start + position, buffer.count - position, offset + position)
      if got == 0 { break }
      if got < 0 {
        if errno == EINTR { continue }
        throw .unreadable(path: path, reason: systemReason())
      }
      position += got
    }
    return position
  }

  /// The bytes from `offset` on, at most `count` of them; all that were there at opening if nil.
  package func bytes(from offset: Int = 0, count: Int? = nil) throws(FileError) -> [UInt8] {
    let wanted = max(0, min(count ?? .max, size - offset))
    var failure: FileError?
    let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
      do throws(FileError) {
        initialized = try read(into: UnsafeMutableRawBufferPointer(buffer), from: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Replaces `bytes` by those from `offset` on, at most `count` of them, in the same memory if
  /// they fit.
  package func read(
    into bytes: inout [UInt8], from offset: Int, count: Int
  ) throws(FileError) {
    let wanted = max(0, min(count, size - offset))
    if bytes.count < wanted { bytes += [UInt8](repeating: 0, count: wanted - bytes.count) }
    var failure: FileError?
    let got = bytes.withUnsafeMutableBytes { buffer in
      do throws(FileError) {
        return try read(into: .init(rebasing: buffer[..<wanted]), from: offset)
      } catch {
        failure = error
        return 0
      }
    }
    if let failure { throw failure }
    bytes.removeLast(bytes.count - got)
  }

  /// All bytes of the regular file at `path`, which may have at most `maxBytes`.
  package static func contents(
    of path: PathBytes, maxBytes: Int
  ) throws(FileError) -> [UInt8] {
    try RegularFile(path, maxBytes: maxBytes).bytes()
  }

  /// All bytes of the regular file at `url`, which may have at most `maxBytes`.
  package static func data(at url: URL, maxBytes: Int) throws(FileError) -> Data {
    Data(try contents(of: PathBytes(url.path), maxBytes: maxBytes))
  }
}

/// The system's metadata of a file.
package struct FileStatus: Hashable, Sendable {
  /// The kind of file that a path names.
  package enum Kind: String, Hashable, Sendable {
    case file = "a regular file"
    case folder = "a folder"
    case pipe = "a pipe"
    case socket = "a socket"
    case device = "a device"
    case other = "no regular file"
  }

  /// The identity of a file, independent of its names.
  package struct Identity: Hashable, Sendable {
    package let device: UInt64
    package let inode: UInt64

    package init(device: UInt64, inode: UInt64) {
      self.device = device
      self.inode = inode
    }
  }

  package let kind: Kind
  package let size: Int
  package let identity: Identity
  /// Nanoseconds since 1970.
  package let modified: Int64
  /// Nanoseconds since 1970 of the last change to content or status; it cannot be set back.
  package let changed: Int64

  /// The status of what `path` names, links followed, or nil if there is nothing.
  package init?(of path: PathBytes) {
    var found = stat()
    guard path.withCString({ stat($0, &found) }) == 0 else { return nil }
    self.init(found)
  }

  init(of descriptor: Int32, path: PathBytes) throws(FileError) {
    var found = stat()
    guard fstat(descriptor, &found) == 0 else {
      throw .unreadable(path: path, reason: systemReason())
    }
    self.init(found)
  }

  private init(_ found: stat) {
    kind =
      switch found.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFIFO: .pipe
      case S_IFSOCK: .socket
      case S_IFCHR, S_IFBLK: .device
      default: .other
      }
    size = Int(found.st_size)
    identity = Identity(
      device: UInt64(truncatingIfNeeded: found.st_dev),
      inode: UInt64(truncatingIfNeeded: found.st_ino))
    #if canImport(Darwin)
      modified = FileStatus.nanoseconds(found.st_mtimespec)
      changed = FileStatus.nanoseconds(found.st_ctimespec)
    #else
      modified = FileStatus.nanoseconds(found.st_mtim)
      changed = FileStatus.nanoseconds(found.st_ctim)
    #endif
  }

  private static func nanoseconds(_ time: timespec) -> Int64 {
    Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
