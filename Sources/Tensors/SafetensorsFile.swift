import Files
import Foundation
import Records

/// A safetensors file, memory-mapped: names, types and shapes are read immediately, data only on
/// access.
///
/// Layout: eight bytes of header length (little-endian), a JSON header, then the data.
/// Source: https://github.com/huggingface/safetensors, "Format".
package final class SafetensorsFile: Sendable {
  package struct Entry: Sendable {
    package let type: ElementType
    package let shape: [Int]
    /// The position of its data in the file.
    package let bytes: Range<Int>
  }

  package let path: PathBytes
  package let entries: [String: Entry]
  package let metadata: [String: String]
  private let data: Data

  /// Opens and checks a file.
  ///
  /// Refuses what the format's own library refuses: duplicate keys, overlapping tensors, bytes that
  /// belong to no tensor.
  /// - Throws: `TensorsError.unreadableFile` or `.malformedSafetensors`, which name the file.
  package init(path: PathBytes) throws {
    self.path = path
    data = try Self.map(path)
    let (start, header) = try Self.header(of: data, path)
    metadata = header.metadata
    entries = try header.entries(start: start, end: data.count) { reason in
      TensorsError.malformedSafetensors(path: "\(path)", reason: reason)
    }
  }

  package convenience init(url: URL) throws { try self.init(path: PathBytes(url.path)) }

  /// The memory-mapped bytes of a regular file.
  private static func map(_ path: PathBytes) throws(TensorsError) -> Data {
    do throws(FileError) {
      let file = try RegularFile(path)
      guard file.size > 0 else { return Data() }
      let count = file.size
      let mapped = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.descriptor, 0)
      guard let mapped, mapped != MAP_FAILED else {
        throw FileError.unreadable(path: path, reason: systemReason())
      }
      return Data(
        bytesNoCopy: mapped, count: count, deallocator: .custom { munmap($0, $1) })
    } catch .unreadable(_, let reason) {
      throw .unreadableFile(path: "\(path)", reason: reason)
    } catch {
      throw .unreadableFile(path: "\(path)", reason: "it \(error.reason)")
    }
  }

  /// The position of the data, and the header before it.
  private static func header(of data: Data, _ path: PathBytes) throws -> (Int, SafetensorsHeader) {
    func malformed(_ reason: String) -> TensorsError {
      .malformedSafetensors(path: "\(path)", reason: reason)
    }
    guard data.count >= 8 else { throw malformed("it has \(data.count) bytes, a header needs 8") }
    let length = data.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    }
    guard length <= UInt64(data.count - 8) else {
      throw malformed("its header says \(length) bytes, the file has \(data.count - 8) after it")
    }
    guard length <= SafetensorsHeader.maxBytes else {
      throw malformed(
        "its header says \(length) bytes; those of more than \(SafetensorsHeader.maxBytes) are "
          + "not read")
    }
    let start = 8 + Int(length)
    do {
      let text = try JSONBytes(Array(data[8..<start]))
      return (start, try LineDecoder().decode(SafetensorsHeader.self, from: text))
    } catch DecodingError.dataCorrupted(let context)
      where context.debugDescription.contains(LineDecoder.twice)
    {
      throw malformed("its header has a key twice")
    } catch {
      throw malformed("its header is not the JSON of a safetensors file")
    }
  }

  /// Calls `body` with the values of a tensor as float32, directly in the mapped file if it stores
  /// float32.
  ///
  /// Afterwards, the pages are released, so that a file and its copy on a device are never
  /// completely in memory at the same time. Errors: as `floats`, and what `body` throws.
  package func withFloats<Result>(
    _ name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    let entry = try entry(name)
    defer { release(entry.bytes) }
    return try data.withUnsafeBytes { raw in
      let source = UnsafeRawBufferPointer(rebasing: raw[entry.bytes])
      if entry.type == .float32, let base = source.baseAddress,
        Int(bitPattern: base) % MemoryLayout<Float>.alignment == 0
      {
        return try body(source.bindMemory(to: Float.self))
      }
      return try floats(name).withUnsafeBufferPointer(body)
    }
  }

  /// Releases the whole pages of a part of the file; they are read again on the next access.
  private func release(_ bytes: Range<Int>) {
    data.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return }
      let page = Int(sysconf(Int32(_SC_PAGESIZE)))
      let first = (Int(bitPattern: base) + bytes.lowerBound) / page * page
      let last = (Int(bitPattern: base) + bytes.upperBound) / page * page
      guard last > first, let start = UnsafeMutableRawPointer(bitPattern: first) else { return }
      _ = madvise(start, last - first, Int32(MADV_DONTNEED))
    }
  }

  /// The values of a tensor as float32, converted from the stored floating-point type.
  ///
  /// Errors: `TensorsError.missingTensor`, or `.malformedSafetensors` for an integer tensor.
  package func floats(_ name: String) throws -> [Float] {
    let entry = try entry(name)
    let count = entry.bytes.count / entry.type.byteCount
    return try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      try data.withUnsafeBytes { raw in
        let source = UnsafeRawBufferPointer(rebasing: raw[entry.bytes])
        guard entry.type.isFloatingPoint else {
          throw TensorsError.malformedSafetensors(
            path: "\(path)", reason: "tensor \(name) holds integers where numbers are expected")
        }
        if entry.type == .float32 {
          if source.count > 0 { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source) }
        } else {
          for i in 0..<count { buffer[i] = entry.type.float(source, at: i * entry.type.byteCount) }
        }
      }
      initialized = count
    }
  }

  /// The values of an integer tensor.
  ///
  /// Errors: as `floats`, for a tensor of floating-point numbers.
  package func integers(_ name: String) throws -> [Int] {
    let entry = try entry(name)
    let count = entry.bytes.count / entry.type.byteCount
    return try data.withUnsafeBytes { raw in
      let source = UnsafeRawBufferPointer(rebasing: raw[entry.bytes])
      return try (0..<count).map { i in
        switch entry.type {
        case .int64: Int(source.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self))
        case .int32: Int(source.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self))
        case .int16: Int(source.loadUnaligned(fromByteOffset: 2 * i, as: Int16.self))
        case .int8: Int(Int8(bitPattern: source[i]))
        case .uint8, .bool: Int(source[i])
        case .float64, .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2:
          throw TensorsError.malformedSafetensors(
            path: "\(path)", reason: "tensor \(name) holds numbers where integers are expected")
        }
      }
    }
  }

  private func entry(_ name: String) throws -> Entry {
    guard let entry = entries[name] else {
      throw TensorsError.missingTensor(path: "\(path)", name: name)
    }
    return entry
  }
}

/// The IEEE 754 half with these bits as a float, exactly; `Float16` is missing on some platforms.
func halfToFloat(_ bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = UInt32(bits >> 10) & 0x1F
  let fraction = UInt32(bits & 0x3FF)
  switch exponent {
  case 0:
    let magnitude = Float(fraction) * 0x1p-24
    return sign == 0 ? magnitude : -magnitude
  case 31: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
  default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}
