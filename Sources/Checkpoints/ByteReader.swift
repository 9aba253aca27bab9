/// Little-endian numbers from some bytes, one after another, never past their end.
struct ByteReader {
  struct EndOfBytes: Error {}

  let bytes: UnsafeRawBufferPointer
  var position: Int

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  var remaining: Int { bytes.count - position }

  mutating func take(_ count: Int) throws(EndOfBytes) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else { throw EndOfBytes() }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
  }

  mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) throws(EndOfBytes) -> T {
    let own = try take(T.bitWidth / 8)
    return T(littleEndian: own.loadUnaligned(as: T.self))
  }

  /// A count that must have a place in an `Int`.
  mutating func count<T: FixedWidthInteger>(_: T.Type) throws(EndOfBytes) -> Int {
    guard let value = Int(exactly: try integer(T.self)) else { throw EndOfBytes() }
    return value
  }

  mutating func text(_ count: Int) throws(EndOfBytes) -> String {
    String(decoding: try take(count), as: UTF8.self)
  }

  /// Up to a line feed, which is taken too.
  mutating func line() throws(EndOfBytes) -> String {
    let start = position
    while true {
      if try integer(UInt8.self) == UInt8(ascii: "\n") { break }
    }
    return String(decoding: bytes[start..<(position - 1)], as: UTF8.self)
  }
}
