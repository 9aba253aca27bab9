import Foundation

/// A safetensors file, memory-mapped: names, types and shapes at once, bytes only when they are
/// read.
///
/// Layout: eight bytes of header length (little-endian), a JSON header, then the data.
/// Source: https://github.com/huggingface/safetensors, "Format".
package final class SafetensorsFile: Sendable {
  package struct Entry: Sendable {
    package let type: ElementType
    package let shape: [Int]
    /// Where its numbers lie in the file.
    package let bytes: Range<Int>
  }

  package let url: URL
  package let entries: [String: Entry]
  package let metadata: [String: String]
  private let data: Data

  /// Opens and checks a file.
  ///
  /// Errors: `TensorsError.unreadableFile` or `.malformedSafetensors`, which name the file.
  package init(url: URL) throws {
    self.url = url
    do {
      data = try Data(contentsOf: url, options: .alwaysMapped)
    } catch {
      throw TensorsError.unreadableFile(path: url.path, reason: Self.reason(of: error))
    }
    func malformed(_ reason: String) -> TensorsError {
      .malformedSafetensors(path: url.path, reason: reason)
    }
    guard data.count >= 8 else { throw malformed("it has \(data.count) bytes, a header needs 8") }
    let length = data.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
    }
    guard length <= UInt64(data.count - 8) else {
      throw malformed("its header says \(length) bytes, the file has \(data.count - 8) after it")
    }
    let start = 8 + Int(length)
    let header: [String: HeaderEntry]
    do {
      header = try JSONDecoder().decode(
        [String: HeaderEntry].self, from: data.subdata(in: 8..<start))
    } catch {
      throw malformed("its header is not the JSON of a safetensors file")
    }
    var entries: [String: Entry] = [:]
    var metadata: [String: String] = [:]
    for (name, value) in header {
      switch value {
      case .metadata(let values): metadata = values
      case .tensor(let dtypeName, let shape, let offsets):
        guard let type = ElementType(rawValue: dtypeName) else {
          throw malformed(
            "tensor \(name) has type \(dtypeName); "
              + ElementType.allCases.map(\.rawValue).joined(separator: ", ") + " are read")
        }
        guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1],
          offsets[1] <= data.count - start, shape.allSatisfy({ $0 >= 0 })
        else { throw malformed("tensor \(name) lies outside the file, which may be cut short") }
        guard
          shape.reduce(type.byteCount, { $0.multipliedReportingOverflow(by: $1).partialValue })
            == offsets[1] - offsets[0]
        else {
          throw malformed("tensor \(name) has \(offsets[1] - offsets[0]) bytes, not \(shape)")
        }
        entries[name] = Entry(
          type: type, shape: shape, bytes: start + offsets[0]..<start + offsets[1])
      }
    }
    self.entries = entries
    self.metadata = metadata
  }

  /// Calls `body` with the values of a tensor as float32: those of the mapped file itself where it
  /// holds float32.
  ///
  /// The pages that were read are given back afterwards, so that a file and its copy on a device
  /// are never in memory whole together. Errors: as `floats`, and what `body` throws.
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

  /// Gives the whole pages of a part of the file back; they are read again if they are asked for
  /// again.
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

  /// The values of a tensor as float32, converted where they are stored as other floating-point
  /// numbers.
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
            path: url.path, reason: "tensor \(name) holds integers where numbers are expected")
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
            path: url.path, reason: "tensor \(name) holds numbers where integers are expected")
        }
      }
    }
  }

  private func entry(_ name: String) throws -> Entry {
    guard let entry = entries[name] else {
      throw TensorsError.missingTensor(path: url.path, name: name)
    }
    return entry
  }

  /// The system's own words for why a file cannot be read.
  private static func reason(of error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
    let code = (underlying ?? error) as NSError
    return code.domain == NSPOSIXErrorDomain
      ? String(cString: strerror(Int32(code.code))) : error.localizedDescription
  }

  private enum HeaderEntry: Decodable {
    case metadata([String: String])
    case tensor(dtype: String, shape: [Int], offsets: [Int])

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }

    init(from decoder: any Decoder) throws {
      if let values = try? decoder.singleValueContainer().decode([String: String].self) {
        self = .metadata(values)
        return
      }
      let container = try decoder.container(keyedBy: CodingKeys.self)
      self = .tensor(
        dtype: try container.decode(String.self, forKey: .dtype),
        shape: try container.decode([Int].self, forKey: .shape),
        offsets: try container.decode([Int].self, forKey: .offsets))
    }
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
