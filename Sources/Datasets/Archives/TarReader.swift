import Files

/// A file inside a tar archive.
package struct TarEntry: Hashable, Sendable {
  /// The name in the archive, without a leading `./`.
  package let name: PathBytes
  /// Of its first byte in the archive.
  package let offset: Int
  /// Bytes.
  package let size: Int
}

/// Lists the files of a tar archive without reading their contents.
///
/// Reads POSIX (ustar, pax) and GNU archives: long names, sizes beyond 8 GiB. Every header's
/// checksum is compared, and every entry must end within the file.
/// Source: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
struct TarReader: ~Copyable {
  private static let blockBytes = 512
  /// Of a long name or a pax header.
  private static let maxExtensionBytes = 1 << 20

  private let path: PathBytes
  private let file: RegularFile
  private var position = 0
  private var header = [UInt8](repeating: 0, count: blockBytes)
  /// The name and size of the next entry, if a previous header gives them.
  private var longName: PathBytes?
  private var longSize: Int?

  /// The regular files of the archive at `path`, in the archive's order; of several files with one
  /// name, only the last, as with `tar -x`.
  ///
  /// - Throws: `DatasetError.archive` if the file is not a complete tar archive.
  static func entries(of path: PathBytes) throws(DatasetError) -> [TarEntry] {
    var reader = try TarReader(path)
    var entries: [TarEntry] = []
    var places: [PathBytes: Int] = [:]
    while let entry = try reader.next() {
      if let place = places[entry.name] {
        entries[place] = entry
      } else {
        places[entry.name] = entries.count
        entries.append(entry)
      }
    }
    return entries
  }

  private init(_ path: PathBytes) throws(DatasetError) {
    self.path = path
    do { file = try RegularFile(path) } catch {
      throw .archive(path: "\(path)", reason: error.reason)
    }
  }

  /// The next regular file; `nil` at the end.
  private mutating func next() throws(DatasetError) -> TarEntry? {
    while try readHeader() {
      let start = position
      let size = if let longSize { longSize } else { try number(124..<136, "size") }
      guard size >= 0, size <= file.size - start else {
        throw failure("ends within '\(longName ?? shortName)'; it was cut off or is still copied")
      }
      position = start + (size + Self.blockBytes - 1) / Self.blockBytes * Self.blockBytes
      switch header[156] {
      case UInt8(ascii: "L"): longName = try text(at: start, size)
      case UInt8(ascii: "x"): try readPax(try text(at: start, size))
      case UInt8(ascii: "g"): break
      case UInt8(ascii: "S"):
        throw failure("holds '\(shortName)' as a sparse file, which is not read")
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
        let name = longName ?? shortName
        (longName, longSize) = (nil, nil)
        // A folder of an old archive is a file whose name ends in a slash.
        if name.bytes.last == UInt8(ascii: "/") { continue }
        return TarEntry(name: Self.relative(name), offset: start, size: size)
      default: (longName, longSize) = (nil, nil)
      }
    }
    return nil
  }

  /// Whether there is one more header.
  private mutating func readHeader() throws(DatasetError) -> Bool {
    header = try bytes(at: position, Self.blockBytes)
    if header.isEmpty {
      guard position > 0 else { throw failure("is empty") }
      return false
    }
    guard header.count == Self.blockBytes else {
      let other = position == 0 ? Self.otherKind(of: header) : nil
      throw failure(other ?? "ends within a header; it was cut off")
    }
    if header.allSatisfy({ $0 == 0 }) { return false }
    let sums = [sum(signed: false), sum(signed: true)]
    guard let checksum = try? number(148..<156, "checksum"), sums.contains(checksum) else {
      throw failure(
        position == 0
          ? Self.otherKind(of: header) ?? "is no tar archive"
          : "has a damaged header at byte \(position)")
    }
    position += Self.blockBytes
    return true
  }

  /// The sum of a header's bytes, its checksum counted as blanks; old archives add signed bytes.
  private func sum(signed: Bool) -> Int {
    header.enumerated().reduce(0) { total, byte in
      let value = (148..<156).contains(byte.offset) ? 32 : byte.element
      return total + (signed ? Int(Int8(bitPattern: value)) : Int(value))
    }
  }

  /// What kind of file this is instead of a tar archive, by its first bytes, as the rest of a
  /// sentence; `nil` if unknown.
  private static func otherKind(of bytes: [UInt8]) -> String? {
    let compressed: [(name: String, first: [UInt8], unpacks: String)] = [
      ("gzip", [0x1F, 0x8B], "gunzip"), ("zstd", [0x28, 0xB5, 0x2F, 0xFD], "unzstd"),
      ("xz", [0xFD] + Array("7zXZ".utf8), "unxz"), ("bzip2", Array("BZh".utf8), "bunzip2"),
    ]
    for (name, first, unpacks) in compressed where bytes.starts(with: first) {
      return "is compressed (\(name)); pictures are read in place from a plain tar: \(unpacks) it "
        + "first"
    }
    if bytes.starts(with: "PK".utf8) {
      return "is a zip archive; unpack it and name the folder, or make a tar of it"
    }
    return nil
  }

  // MARK: Fields

  private var shortName: PathBytes {
    let name = PathBytes(bytes: header[0..<100])
    let isPosix = header[257..<262].elementsEqual("ustar".utf8)
    let prefix = PathBytes(bytes: header[345..<500])
    // GNU's own archives have times where POSIX has the prefix.
    guard isPosix, header[262] == 0, !prefix.isEmpty else { return name }
    return prefix / name
  }

  /// An octal number, or GNU's binary one.
  private func number(_ field: Range<Int>, _ what: String) throws(DatasetError) -> Int {
    let bytes = header[field]
    if let first = bytes.first, first & 0x80 != 0 {
      let leading = bytes.dropFirst().dropLast(min(8, bytes.count - 1))
      guard first == 0x80, leading.allSatisfy({ $0 == 0 }) else {
        throw failure("has a \(what) beyond 2^63 in a header")
      }
      let value = bytes.dropFirst().suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard value <= Int.max else { throw failure("has a \(what) beyond 2^63 in a header") }
      return Int(value)
    }
    let digits = bytes.drop { $0 == 32 || $0 == 0 }.prefix { $0 != 32 && $0 != 0 }
    guard let text = String(validating: digits, as: UTF8.self),
      let value = digits.isEmpty ? 0 : Int(text, radix: 8)
    else { throw failure("has a \(what) that is no octal number in a header") }
    return value
  }

  private func text(at offset: Int, _ size: Int) throws(DatasetError) -> PathBytes {
    guard size <= Self.maxExtensionBytes else {
      throw failure("has a name of \(size) bytes, more than \(Self.maxExtensionBytes)")
    }
    return PathBytes(bytes: try bytes(at: offset, size))
  }

  private func bytes(at offset: Int, _ count: Int) throws(DatasetError) -> [UInt8] {
    do { return try file.bytes(from: offset, count: count) } catch {
      throw .archive(path: "\(path)", reason: error.reason)
    }
  }

  /// `LENGTH KEY=VALUE` lines; the path and the size matter.
  private mutating func readPax(_ text: PathBytes) throws(DatasetError) {
    var rest = text.bytes[...]
    while let blank = rest.firstIndex(of: 32) {
      guard let length = String(validating: rest[..<blank], as: UTF8.self).flatMap({ Int($0) }),
        length > blank - rest.startIndex + 1, length <= rest.count
      else { throw failure("has a damaged pax header") }
      let line = rest[(blank + 1)..<(rest.startIndex + length - 1)]
      rest = rest.dropFirst(length)
      guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let value = line[(equals + 1)...]
      switch String(decoding: line[..<equals], as: UTF8.self) {
      case "path": longName = PathBytes(bytes: value)
      case "size":
        guard let size = Int(String(decoding: value, as: UTF8.self)), size >= 0 else {
          throw failure("has a pax size that is no number")
        }
        longSize = size
      default: break
      }
    }
  }

  private static func relative(_ name: PathBytes) -> PathBytes {
    var bytes = name.bytes[...]
    while bytes.starts(with: "./".utf8) { bytes = bytes.dropFirst(2) }
    return PathBytes(bytes: bytes.drop { $0 == UInt8(ascii: "/") })
  }

  private func failure(_ reason: String) -> DatasetError {
    .archive(path: "\(path)", reason: reason)
  }
}
