/// One kernel of a pass on a simulated device: its launch, its matrix product and its memory
/// traffic.
package struct Kernel: Hashable, Sendable {
  /// A matrix product, or a batch of them: `count` times [rows, inner] · [inner, columns].
  package struct Product: Hashable, Sendable {
    package var count: Int
    package var rows: Int
    package var columns: Int
    package var inner: Int
  }

  /// The name in the causes of a step: `fc1`.
  package let name: String
  /// The number of host calls of an eager framework up to its launch, including calls that launch
  /// nothing.
  package var hostCalls: Double
  /// `nil` if only memory takes time.
  package let product: Product?
  /// The bytes moved to and from memory.
  package let bytes: Double
  /// Whether the product is one fused attention, whose tiles are groups of queries.
  package let isAttention: Bool

  init(
    _ name: String, calls: Double = 1, product: Product? = nil, bytes: Double,
    isAttention: Bool = false
  ) {
    self.name = name
    hostCalls = calls
    self.product = product
    self.bytes = bytes
    self.isAttention = isAttention
  }
}

/// How a pass is executed.
package enum Execution: String, CaseIterable, Hashable, Sendable {
  /// Kernel by kernel from a host, as in PyTorch without compilation: every activation, residual
  /// and view is a separate call.
  case eager
  /// Captured once and replayed, with the fused operations of `lab`.
  case graph
}
