import Files
import Foundation

/// Writes named arrays as a safetensors file, under a temporary name first, then renamed.
///
/// Errors: `TensorsError.unwritableFile`, which names the file; nothing is left half-written.
package enum SafetensorsWriter {
  package struct Array {
    let dtype: DType
    let shape: [Int]
    let bytes: Data

    package init(shape: [Int], floats: [Float]) {
      dtype = .float32
      self.shape = shape
      bytes = floats.withUnsafeBytes { Data($0) }
    }

    package init(shape: [Int], integers: [Int64]) {
      dtype = .int64
      self.shape = shape
      bytes = integers.withUnsafeBytes { Data($0) }
    }
  }

  package static func write(
    _ arrays: [String: Array], metadata: [String: String] = [:], to url: URL
  ) throws {
    var header: [String: Any] = [:]
    if !metadata.isEmpty { header["__metadata__"] = metadata }
    var body = Data()
    for (name, array) in arrays.sorted(by: { $0.key < $1.key }) {
      header[name] =
        [
          "dtype": array.dtype.rawValue, "shape": array.shape,
          "data_offsets": [body.count, body.count + array.bytes.count],
        ] as [String: Any]
      body.append(array.bytes)
    }
    do {
      var text = try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys])
      // Padding with spaces keeps the data aligned for readers that map it.
      while text.count % 8 != 0 { text.append(0x20) }
      var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
      file.append(text)
      file.append(body)
      try WholeFile.store(file, at: url)
    } catch {
      throw TensorsError.unwritableFile(path: url.path, reason: systemReason(of: error))
    }
  }
}
