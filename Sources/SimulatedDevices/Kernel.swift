/// One kernel of a pass: what a simulated device starts, multiplies and moves.
package struct Kernel: Hashable, Sendable {
  /// A matrix product, or a batch of them: `count` times [rows, inner] · [inner, columns].
  package struct Product: Hashable, Sendable {
    package var count: Int
    package var rows: Int
    package var columns: Int
    package var inner: Int
  }

  /// What step causes call it: `fc1`.
  package let name: String
  /// Calls of an eager framework's host up to its start, calls that start nothing included.
  package var hostCalls: Double
  /// `nil` where time is memory's alone.
  package let product: Product?
  /// Moved to and from memory.
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

/// How a pass is carried out.
package enum Execution: String, CaseIterable, Hashable, Sendable {
  /// Kernel by kernel from a host, as PyTorch without compilation does: every activation, residual
  /// and view is a call of its own.
  case eager
  /// Captured once and replayed, with the fused operations of `lab`.
  case graph
}
