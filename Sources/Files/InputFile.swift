import Foundation

/// A file that the user passes to the program to be read completely: a regular file, or input from
/// the shell, as in `lab run -`, `lab run /dev/stdin` and `lab run <(make-spec)`.
package enum InputFile {
  /// All bytes, of which there may be at most `maxBytes`.
  ///
  /// - Throws: `FileError`, also for a pipe that is not connected by the shell, because nobody may
  ///   ever write into it.
  package static func contents(of path: String, maxBytes: Int) throws(FileError) -> [UInt8] {
    guard let descriptor = descriptor(of: path) else {
      return try RegularFile.contents(of: PathBytes(path), maxBytes: maxBytes)
    }
    return try read(descriptor, path: PathBytes(path), maxBytes: maxBytes)
  }

  /// Whether `path` names an open descriptor, which can be read only once.
  package static func isStream(_ path: String) -> Bool { descriptor(of: path) != nil }

  /// The descriptor that `-`, `/dev/stdin`, `/dev/fd/63` and `/proc/self/fd/63` mean.
  private static func descriptor(of path: String) -> Int32? {
    if path == "-" || path == "/dev/stdin" { return STDIN_FILENO }
    for folder in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(folder) {
      return Int32(path.dropFirst(folder.count)).flatMap { $0 >= 0 ? $0 : nil }
    }
    return nil
  }

  private static func read(
    _ descriptor: Int32, path: PathBytes, maxBytes: Int
  ) throws(FileError) -> [UInt8] {
    let status = try FileStatus(of: descriptor, path: path)
    guard status.kind != .folder else { throw .notRegular(path: path, kind: .folder) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = part.withUnsafeMutableBytes {
        Foundation.read(descriptor, $0.baseAddress, $0.count)
      }
      if got == 0 { return bytes }
      if got < 0 {
        if errno == EINTR { continue }
        throw .unreadable(path: path, reason: systemReason())
      }
      guard bytes.count + got <= maxBytes else {
        throw .tooLarge(path: path, bytes: bytes.count + got, maximum: maxBytes)
      }
      bytes += part[..<got]
    }
  }
}
