import CZlib

/// The members of a zip file, in which PyTorch and NumPy store tensors.
///
/// Source: PKWARE's APPNOTE.TXT 6.3.9, sections 4.3 to 4.5 (zip64 included).
struct ZipArchive {
  enum Problem: Error {
    case malformed(String)
  }

  struct Member: Sendable {
    let name: String
    /// The position of the stored bytes in the file.
    let stored: Range<Int>
    /// Bytes when unpacked.
    let size: Int
    let isDeflated: Bool
  }

  let members: [Member]

  /// More members than any checkpoint has tensors.
  private static let maxMembers = 1_000_000

  /// Reads the list of members at the end of the file.
  init(_ bytes: UnsafeRawBufferPointer) throws(Problem) {
    do {
      members = try Self.directory(bytes)
    } catch let problem as Problem {
      throw problem
    } catch {
      throw .malformed("its list of members leads outside the file, which may be cut short")
    }
  }

  /// Position, bytes and members of the central directory.
  private static func directoryLocation(
    _ bytes: UnsafeRawBufferPointer
  ) throws -> (position: Int, members: Int) {
    // The end record, behind which a comment of up to 65,535 bytes may stand.
    let first = max(0, bytes.count - 22 - 65_535)
    guard bytes.count >= 22,
      let end = (first...(bytes.count - 22)).reversed().first(where: {
        bytes.loadUnaligned(fromByteOffset: $0, as: UInt32.self)
          == UInt32(littleEndian: 0x0605_4B50)
      })
    else { throw Problem.malformed("it has no list of members; it may be cut short") }
    var reader = ByteReader(bytes, at: end + 10)
    let members = try reader.count(UInt16.self)
    _ = try reader.take(4)
    let position = try reader.count(UInt32.self)
    guard members == 0xFFFF || position == 0xFFFF_FFFF else { return (position, members) }
    var locator = ByteReader(bytes, at: max(0, end - 20))
    guard end >= 20, try locator.integer(UInt32.self) == 0x0706_4B50 else {
      return (position, members)
    }
    _ = try locator.take(4)
    var record = ByteReader(bytes, at: try locator.count(UInt64.self))
    guard try record.integer(UInt32.self) == 0x0606_4B50 else {
      throw Problem.malformed("its zip64 record is not where it should be")
    }
    _ = try record.take(28)
    let wide = try record.count(UInt64.self)
    _ = try record.take(8)
    return (try record.count(UInt64.self), wide)
  }

  private static func directory(_ bytes: UnsafeRawBufferPointer) throws -> [Member] {
    let (position, count) = try directoryLocation(bytes)
    guard count <= maxMembers else { throw Problem.malformed("it says it has \(count) members") }
    var reader = ByteReader(bytes, at: min(position, bytes.count))
    var members: [Member] = []
    for _ in 0..<count {
      guard try reader.integer(UInt32.self) == 0x0201_4B50 else {
        throw Problem.malformed("its list of members is broken")
      }
      _ = try reader.take(4)
      let flags = try reader.integer(UInt16.self)
      let method = try reader.integer(UInt16.self)
      _ = try reader.take(8)
      var stored = try reader.count(UInt32.self)
      var size = try reader.count(UInt32.self)
      let nameLength = try reader.count(UInt16.self)
      let extraLength = try reader.count(UInt16.self)
      let commentLength = try reader.count(UInt16.self)
      _ = try reader.take(8)
      var local = try reader.count(UInt32.self)
      let name = try reader.text(nameLength)
      var extra = ByteReader(try reader.take(extraLength))
      _ = try reader.take(commentLength)
      while extra.remaining >= 4 {
        let tag = try extra.integer(UInt16.self)
        var field = ByteReader(try extra.take(try extra.count(UInt16.self)))
        guard tag == 1 else { continue }
        if size == 0xFFFF_FFFF { size = try field.count(UInt64.self) }
        if stored == 0xFFFF_FFFF { stored = try field.count(UInt64.self) }
        if local == 0xFFFF_FFFF { local = try field.count(UInt64.self) }
      }
      guard flags & 1 == 0 else { throw Problem.malformed("\(name) is encrypted") }
      guard method == 0 || method == 8 else {
        throw Problem.malformed(
          "\(name) is packed by method \(method); stored and deflated are read")
      }
      var header = ByteReader(bytes, at: min(local, bytes.count))
      guard try header.integer(UInt32.self) == 0x0403_4B50 else {
        throw Problem.malformed("\(name) is not where the list of members says")
      }
      _ = try header.take(22)
      let ownName = try header.count(UInt16.self)
      let ownExtra = try header.count(UInt16.self)
      _ = try header.take(ownName + ownExtra)
      let start = header.position
      _ = try header.take(stored)
      guard method == 8 || stored == size else {
        throw Problem.malformed("\(name) has \(stored) bytes, not \(size)")
      }
      members.append(
        Member(name: name, stored: start..<(start + stored), size: size, isDeflated: method == 8))
    }
    return members
  }

  /// The bytes of a deflated member.
  ///
  /// A size that no deflated stream of its length can have is refused before anything is allocated.
  static func inflate(
    _ member: Member, _ bytes: UnsafeRawBufferPointer
  ) throws(Problem) -> [UInt8] {
    guard member.size / 1032 <= member.stored.count else {
      throw .malformed("\(member.name) says it unpacks to \(member.size) bytes")
    }
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .malformed("zlib does not start") }
    defer { inflateEnd(&stream) }
    var result = Z_OK
    let output = [UInt8](unsafeUninitializedCapacity: max(1, member.size)) { buffer, initialized in
      let input = UnsafeRawBufferPointer(rebasing: bytes[member.stored])
      var taken = 0
      // zlib counts in 32 bits.
      let maximum = 1 << 30
      while result == Z_OK {
        if stream.avail_in == 0, taken < input.count {
          let part = min(maximum, input.count - taken)
          stream.next_in = input.baseAddress.map {
            UnsafeMutablePointer(mutating: ($0 + taken).assumingMemoryBound(to: UInt8.self))
          }
          stream.avail_in = UInt32(part)
          taken += part
        }
        let room = min(maximum, member.size - initialized)
        stream.next_out = buffer.baseAddress.map { $0 + initialized }
        stream.avail_out = UInt32(room)
        result = CZlib.inflate(&stream, Z_NO_FLUSH)
        initialized += room - Int(stream.avail_out)
        if result == Z_OK, room == 0 || (stream.avail_in == 0 && taken == input.count) {
          // Neither at its end nor with anything left to do it with.
          result = CZlib.inflate(&stream, Z_FINISH)
          break
        }
      }
    }
    guard result == Z_STREAM_END, output.count == member.size else {
      throw .malformed("\(member.name) does not unpack to \(member.size) bytes")
    }
    return output
  }
}
