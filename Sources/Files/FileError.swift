/// Why a file could not be read.
package enum FileError: Error, Hashable, CustomStringConvertible {
  /// The system refused to open or read it.
  case unreadable(path: PathBytes, reason: String)
  /// It is a pipe, a device, a folder or the like.
  case notRegular(path: PathBytes, kind: FileStatus.Kind)
  /// It has more bytes than a file of its kind can have.
  case tooLarge(path: PathBytes, bytes: Int, maximum: Int)

  /// The file.
  package var path: PathBytes {
    switch self {
    case .unreadable(let path, _), .notRegular(let path, _), .tooLarge(let path, _, _): path
    }
  }

  /// What is wrong, as the rest of a sentence that begins with the file's name.
  package var reason: String {
    switch self {
    case .unreadable(_, let reason): "cannot be read (\(reason))"
    case .notRegular(_, let kind): "is \(kind.rawValue); only regular files are read"
    case .tooLarge(_, let bytes, let maximum):
      "has \(bytes) bytes; files of more than \(maximum) are not read"
    }
  }

  /// What is wrong, as it follows "cannot be read: ".
  package var cause: String {
    if case .unreadable(_, let reason) = self { reason } else { "it \(reason)" }
  }

  package var description: String { "\(path): \(reason)" }
}
