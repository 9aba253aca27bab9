import Files
import Tensors

/// Files of `numpy.savez`: a zip of arrays, as Google publishes its vision transformers.
///
/// Source: NumPy 2.3, numpy/lib/_format_impl.py ("Format Version 1.0" to 3.0).
enum NumpyArchive {
  /// Sum of unpacked members that is held in memory at most.
  private static let maxUnpackedBytes = 16 << 30

  static func open(_ file: MappedFile, _ archive: ZipArchive) throws -> Checkpoint {
    var sources: [Checkpoint.Source] = [.mapped(file)]
    var tensors: [String: StoredTensor] = [:]
    var unpacked = 0
    for member in archive.members where member.name.hasSuffix(".npy") {
      let name = String(member.name.dropLast(4))
      do {
        if member.isDeflated {
          unpacked += member.size
          guard unpacked <= maxUnpackedBytes else {
            throw ZipArchive.Problem.malformed("its arrays unpack to more than 16 GiB")
          }
          let bytes = try ZipArchive.inflate(member, file.bytes)
          tensors[name] = try bytes.withUnsafeBytes {
            try array(name, $0, 0..<bytes.count, source: sources.count)
          }
          sources.append(.unpacked(bytes))
        } else {
          tensors[name] = try array(name, file.bytes, member.stored, source: 0)
        }
      } catch ZipArchive.Problem.malformed(let reason) {
        throw CheckpointError.malformed(path: file.path, format: "NumPy", reason: reason)
      }
    }
    return Checkpoint(path: file.path, format: .numpy, tensors: tensors, sources: sources)
  }

  /// An array from its header.
  private static func array(
    _ name: String, _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, source: Int
  ) throws(ZipArchive.Problem) -> StoredTensor {
    do {
      var reader = ByteReader(
        UnsafeRawBufferPointer(rebasing: bytes[range.lowerBound..<range.upperBound]))
      guard Array(try reader.take(6)) == [0x93] + Array("NUMPY".utf8) else {
        throw ZipArchive.Problem.malformed("\(name) is no NumPy array")
      }
      let version = try reader.integer(UInt8.self)
      _ = try reader.take(1)
      let length = version == 1 ? try reader.count(UInt16.self) : try reader.count(UInt32.self)
      let header = try reader.text(length)
      guard let description = text("descr", header), let type = type(description) else {
        throw ZipArchive.Problem.malformed(
          "\(name) holds elements that are no numbers of 8 to 64 bits, or big-endian ones")
      }
      guard let shape = shape(header) else {
        throw ZipArchive.Problem.malformed("\(name) has no shape")
      }
      let isFortran = header.contains("'fortran_order': True")
      let strides =
        isFortran
        ? Array(StoredTensor.contiguous(shape.reversed()).reversed())
        : StoredTensor.contiguous(shape)
      let tensor = StoredTensor(
        type: type, shape: shape, offset: range.lowerBound + reader.position, strides: strides,
        source: source)
      guard tensor.fits(range.upperBound) else {
        throw ZipArchive.Problem.malformed("\(name) has fewer numbers than its shape \(shape) says")
      }
      return tensor
    } catch let problem as ZipArchive.Problem {
      throw problem
    } catch {
      throw .malformed("\(name) ends inside its header")
    }
  }

  /// The quoted value of a key of the header, a Python dictionary.
  private static func text(_ key: String, _ header: String) -> String? {
    guard let found = header.firstRange(of: "'\(key)': '") else { return nil }
    return String(header[found.upperBound...].prefix { $0 != "'" })
  }

  private static func shape(_ header: String) -> [Int]? {
    guard let found = header.firstRange(of: "'shape': (") else { return nil }
    let inside = header[found.upperBound...].prefix { $0 != ")" }
    var sizes: [Int] = []
    for part in inside.split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let size = Int(digits), size >= 0 else { return nil }
      sizes.append(size)
    }
    return StoredTensor.count(sizes) == nil ? nil : sizes
  }

  private static func type(_ description: String) -> ElementType? {
    switch description {
    case "<f8": .float64
    case "<f4": .float32
    case "<f2": .float16
    case "<i8": .int64
    case "<i4": .int32
    case "<i2": .int16
    case "|i1": .int8
    case "|u1": .uint8
    case "|b1": .bool
    // What NumPy calls JAX's bfloat16, which it does not know.
    case "<V2", "|V2": .bfloat16
    default: nil
    }
  }
}
