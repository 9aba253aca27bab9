/// The time of one forward pass by kind of operation, as stored by `lab profile --ops`.
package struct OperationBreakdown: Codable, Hashable, Sendable {
  /// One kind of operation in a pass.
  package struct Part: Codable, Hashable, Sendable {
    package let kind: String
    package let calls: Int
    /// The total of all calls of a pass.
    package let milliseconds: Double
    package let flops: Int
    /// The minimum that the calls read and write: inputs, weights and outputs once each.
    package let bytes: Int
    /// Whether memory bandwidth, not arithmetic, bounds it.
    package let isMemoryBound: Bool

    package init(
      kind: String, calls: Int, milliseconds: Double, flops: Int, bytes: Int, isMemoryBound: Bool
    ) {
      self.kind = kind
      self.calls = calls
      self.milliseconds = milliseconds
      self.flops = flops
      self.bytes = bytes
      self.isMemoryBound = isMemoryBound
    }

    enum CodingKeys: String, CodingKey {
      case kind, calls, milliseconds, flops, bytes
      case isMemoryBound = "memory_bound"
    }
  }

  package let model: String
  /// The method with its parameters.
  package let method: String
  /// The device with its hardware and threads.
  package let device: String
  package let batchSize: Int
  package let precision: String
  /// The time of the whole pass, measured without timing each operation.
  package let passMilliseconds: Double
  package let parts: [Part]
  /// ISO 8601, UTC.
  package let measured: String

  package init(
    model: String, method: String, device: String, batchSize: Int, precision: String,
    passMilliseconds: Double, parts: [Part], measured: String
  ) {
    self.model = model
    self.method = method
    self.device = device
    self.batchSize = batchSize
    self.precision = precision
    self.passMilliseconds = passMilliseconds
    self.parts = parts
    self.measured = measured
  }

  enum CodingKeys: String, CodingKey {
    case model, method, device, precision, parts, measured
    case batchSize = "batch_size"
    case passMilliseconds = "pass_milliseconds"
  }

  /// The total of all parts in milliseconds.
  var total: Double { parts.reduce(0) { $0 + $1.milliseconds } }

  /// The fraction of the parts' time that is memory-bound, 0…1.
  var memoryBoundShare: Double {
    let bound = parts.filter(\.isMemoryBound).reduce(0) { $0 + $1.milliseconds }
    return total > 0 ? bound / total : 0
  }

  /// The minimum number of bytes that are read and written per image.
  var bytesPerImage: Int { parts.reduce(0) { $0 + $1.bytes } / max(1, batchSize) }

  /// Whether the other is of the same model, method and device, so that one replaces the other.
  package func isOfSame(as other: OperationBreakdown) -> Bool {
    model == other.model && method == other.method && device == other.device
      && batchSize == other.batchSize && precision == other.precision
  }

  /// What distinguishes it from the others in `all`.
  func label(among all: [OperationBreakdown]) -> String {
    let facts: [(OperationBreakdown) -> String] = [
      { $0.method }, { "batch \($0.batchSize)" }, { $0.precision }, { $0.device },
    ]
    let telling = facts.filter { Set(all.map($0)).count > 1 }.map { $0(self) }
    return ([model] + telling).joined(separator: ", ")
  }
}
