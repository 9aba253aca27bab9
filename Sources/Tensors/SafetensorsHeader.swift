/// The header of a safetensors file: its metadata, and the positions of its tensors.
///
/// Source: https://github.com/huggingface/safetensors, `safetensors/src/tensor.rs`, `Metadata`.
struct SafetensorsHeader: Decodable {
  /// The maximum header size of the format's own library, in bytes.
  static let maxBytes = 100_000_000

  let metadata: [String: String]
  private let tensors: [String: Tensor]

  private struct Tensor: Decodable {
    let dtype: String
    let shape: [Int]
    let offsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }
  }

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  private static let metadataKey = Name(stringValue: "__metadata__")

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    metadata =
      try container.decodeIfPresent([String: String].self, forKey: Self.metadataKey) ?? [:]
    var tensors: [String: Tensor] = [:]
    for key in container.allKeys where key.stringValue != Self.metadataKey.stringValue {
      tensors[key.stringValue] = try container.decode(Tensor.self, forKey: key)
    }
    self.tensors = tensors
  }

  /// The tensors of a file whose data is between bytes `start` and `end`.
  func entries(
    start: Int, end: Int, malformed: (String) -> any Error
  ) throws -> [String: SafetensorsFile.Entry] {
    var entries: [String: SafetensorsFile.Entry] = [:]
    for (name, tensor) in tensors {
      guard let type = ElementType(rawValue: tensor.dtype) else {
        throw malformed(
          "tensor \(name) has type \(tensor.dtype); "
            + ElementType.allCases.map(\.rawValue).joined(separator: ", ") + " are read")
      }
      let (offsets, shape) = (tensor.offsets, tensor.shape)
      guard offsets.count == 2, offsets[0] >= 0, offsets[0] <= offsets[1],
        offsets[1] <= end - start, shape.allSatisfy({ $0 >= 0 })
      else { throw malformed("tensor \(name) lies outside the file, which may be cut short") }
      let size = offsets[1] - offsets[0]
      guard Self.bytes(shape, type) == size else {
        throw malformed("tensor \(name) has \(size) bytes, not \(shape)")
      }
      entries[name] = SafetensorsFile.Entry(
        type: type, shape: shape, bytes: start + offsets[0]..<start + offsets[1])
    }
    try Self.check(entries, start: start, end: end, malformed)
    return entries
  }

  /// `nil` if the product overflows an `Int`.
  private static func bytes(_ shape: [Int], _ type: ElementType) -> Int? {
    if shape.contains(0) { return 0 }
    var count = type.byteCount
    for side in shape {
      let (product, overflows) = count.multipliedReportingOverflow(by: side)
      guard !overflows else { return nil }
      count = product
    }
    return count
  }

  /// Checks that every byte belongs to exactly one tensor.
  private static func check(
    _ entries: [String: SafetensorsFile.Entry], start: Int, end: Int,
    _ malformed: (String) -> any Error
  ) throws {
    let ordered = entries.sorted {
      ($0.value.bytes.lowerBound, $0.value.bytes.upperBound, $0.key)
        < ($1.value.bytes.lowerBound, $1.value.bytes.upperBound, $1.key)
    }
    var (last, reached) = ("", start)
    for (name, entry) in ordered {
      if entry.bytes.lowerBound < reached {
        throw malformed("the tensors \(last) and \(name) share bytes")
      }
      if entry.bytes.lowerBound > reached {
        throw malformed(
          "\(entry.bytes.lowerBound - reached) bytes before tensor \(name) belong to none")
      }
      (last, reached) = (name, entry.bytes.upperBound)
    }
    guard reached == end else {
      throw malformed("\(end - reached) bytes at its end belong to no tensor")
    }
  }
}
