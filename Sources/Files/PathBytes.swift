/// A file's name or path as the system stores it: bytes, which need not be UTF-8.
///
/// Equality, order and hash are those of the bytes. Swift's `String` compares by canonical
/// equivalence, so that two files can have "equal" names, and repairs what is not UTF-8, so that a
/// file cannot be found under its own name.
package struct PathBytes: Hashable, Sendable {
  /// Without a terminating zero.
  package let bytes: [UInt8]

  /// The path of these bytes, up to the first zero.
  package init(bytes: some Sequence<UInt8>) {
    self.bytes = Array(bytes.prefix { $0 != 0 })
  }

  /// The path that `text` spells in UTF-8.
  package init(_ text: String) { self.init(bytes: text.utf8) }

  /// The path of a zero-terminated string of the system.
  package init(cString: UnsafePointer<CChar>) {
    var bytes: [UInt8] = []
    var next = cString
    while next.pointee != 0 {
      bytes.append(UInt8(bitPattern: next.pointee))
      next += 1
    }
    self.bytes = bytes
  }

  package var isEmpty: Bool { bytes.isEmpty }

  /// The path as text, or nil if it is not UTF-8.
  package var text: String? { String(validating: bytes, as: UTF8.self) }

  /// What follows the last slash; the whole path without one.
  package var name: PathBytes {
    guard let slash = bytes.lastIndex(of: PathBytes.slash) else { return self }
    return PathBytes(bytes: bytes[(slash + 1)...])
  }

  /// What precedes the last slash; "." without one.
  package var folder: PathBytes {
    guard let slash = trimmed.bytes.lastIndex(of: PathBytes.slash) else { return "." }
    return PathBytes(bytes: bytes[..<max(1, slash)]).trimmed
  }

  /// ``name`` up to its last dot; a dot in front is no beginning of a suffix.
  package var stem: PathBytes {
    let name = name.bytes
    guard let dot = name.lastIndex(of: PathBytes.dot), dot > 0 else { return self.name }
    return PathBytes(bytes: name[..<dot])
  }

  /// What follows the last dot of ``name``, with ASCII letters in lower case; empty without one.
  package var suffix: PathBytes {
    let name = name.bytes
    guard let dot = name.lastIndex(of: PathBytes.dot), dot > 0 else { return PathBytes(bytes: []) }
    return PathBytes(bytes: name[(dot + 1)...].map { (65...90).contains($0) ? $0 + 32 : $0 })
  }

  /// Whether the name begins with a dot.
  package var isHidden: Bool { name.bytes.first == PathBytes.dot }

  /// The path without trailing slashes.
  package var trimmed: PathBytes {
    var end = bytes.count
    while end > 1, bytes[end - 1] == PathBytes.slash { end -= 1 }
    return PathBytes(bytes: bytes[..<end])
  }

  /// Calls `body` with the path as the system takes it.
  package func withCString<Result, Failure: Error>(
    _ body: (UnsafePointer<CChar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let characters = bytes.map(CChar.init(bitPattern:)) + [0]
    var outcome: Swift.Result<Result, Failure>?
    characters.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      do throws(Failure) {
        outcome = .success(try body(start))
      } catch {
        outcome = .failure(error)
      }
    }
    guard let outcome else { preconditionFailure("The characters end with a zero.") }
    return try outcome.get()
  }

  /// `child` inside the folder `parent`.
  package static func / (parent: PathBytes, child: PathBytes) -> PathBytes {
    if parent.isEmpty { return child }
    let joint = parent.bytes.last == slash ? [] : [slash]
    return PathBytes(bytes: parent.bytes + joint + child.bytes)
  }

  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")
}

extension PathBytes: Comparable {
  /// The order of the bytes, which is Python's `sorted` and so torchvision's order of classes.
  package static func < (a: PathBytes, b: PathBytes) -> Bool {
    a.bytes.lexicographicallyPrecedes(b.bytes)
  }
}

extension PathBytes: ExpressibleByStringLiteral {
  package init(stringLiteral text: String) { self.init(text) }
}

extension PathBytes: CustomStringConvertible {
  /// The path for display: UTF-8 unchanged; other bytes and control characters as `\xE9`.
  package var description: String {
    if let text, !text.unicodeScalars.contains(where: PathBytes.isControl) { return text }
    var shown = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = PathBytes.scalarLength(first)
      if let scalar = String(validating: rest.prefix(length), as: UTF8.self),
        !scalar.unicodeScalars.contains(where: PathBytes.isControl)
      {
        shown += scalar
        rest = rest.dropFirst(length)
      } else {
        let digits = String(first, radix: 16, uppercase: true)
        shown += "\\x" + (digits.count == 1 ? "0" : "") + digits
        rest = rest.dropFirst()
      }
    }
    return shown
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 32 || (127...159).contains(scalar.value)
  }

  /// Bytes of the UTF-8 scalar that begins with `first`, if one does.
  private static func scalarLength(_ first: UInt8) -> Int {
    switch first {
    case 0xC0...0xDF: 2
    case 0xE0...0xEF: 3
    case 0xF0...0xF7: 4
    default: 1
    }
  }
}
