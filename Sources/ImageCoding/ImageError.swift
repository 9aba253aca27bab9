import Files

/// Why an image could not be read.
package enum ImageError: Error, Hashable, CustomStringConvertible {
  /// The operating system refused to open or read the file.
  case unreadable(path: String, reason: String)
  /// It is no regular file, or has more bytes than a picture can have.
  case refused(path: String, reason: String)
  /// The file has no bytes.
  case empty(path: String)
  /// The first bytes belong to no supported format.
  case unknownFormat(path: String, firstBytes: [UInt8])
  /// The file ends before its picture does.
  case truncated(path: String, format: ImageFormat, reason: String)
  /// Image data is missing in the middle of the file.
  case damaged(path: String, format: ImageFormat, reason: String)
  /// The library refused the file.
  case undecodable(path: String, format: ImageFormat, reason: String)
  /// The header claims more pixels than a picture can have.
  case tooLarge(path: String, width: Int, height: Int)

  /// The file that could not be read.
  package var path: String {
    switch self {
    case .unreadable(let path, _), .refused(let path, _), .empty(let path),
      .unknownFormat(let path, _),
      .truncated(let path, _, _), .damaged(let path, _, _), .undecodable(let path, _, _),
      .tooLarge(let path, _, _):
      path
    }
  }

  /// The problem of the file, as the rest of a sentence that begins with its name.
  package var reason: String {
    switch self {
    case .unreadable(_, let reason): "cannot be read (\(reason))"
    case .refused(_, let reason): reason
    case .empty: "is empty"
    case .unknownFormat(_, let bytes):
      "is none of \(ImageFormat.names) (it begins with "
        + "\(bytes.map(hexadecimal).joined(separator: " ")))"
    case .truncated(_, let format, let reason): "is a truncated \(format) (\(reason))"
    case .damaged(_, let format, let reason): "is a damaged \(format) (\(reason))"
    case .undecodable(_, let format, let reason):
      "is a \(format) that cannot be decoded (\(reason))"
    case .tooLarge(_, let width, let height):
      "claims \(width) x \(height) pixels, more than the \(ImageFormat.maxPixels) allowed"
    }
  }

  /// A file that was not read at all.
  init(_ error: FileError) {
    self =
      switch error {
      case .unreadable(let path, let reason): .unreadable(path: "\(path)", reason: reason)
      case .notRegular(let path, _), .tooLarge(let path, _, _):
        .refused(path: "\(path)", reason: error.reason)
      }
  }

  package var description: String { "\(path): \(reason)" }
}

private func hexadecimal(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16, uppercase: true)
  return digits.count == 1 ? "0" + digits : digits
}
