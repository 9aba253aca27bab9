/// The kinds of operation that a forward pass is made of.
package enum OperationKind: String, CaseIterable, Hashable, Sendable {
  case upload = "input"
  case patchEmbedding = "patch embedding"
  /// A linear layer behind a LayerNorm.
  case qkv
  case attention
  /// An attention that also hands back what a score needs.
  case scoredAttention = "attention + scores"
  /// A linear layer onto the residual stream.
  case projection
  case feedForward = "MLP"
  case scores = "reduction: scores"
  case selection = "reduction: selection"
  case assembly = "reduction: new tokens"
  /// A whole step that drops or fuses, in however many launches the device has for it.
  case reduction = "reduction: whole step"
  case readOut = "read-out"
  /// A linear layer without a LayerNorm.
  case head
  case download = "output"

  /// Whether a pass without token reduction has none of it.
  package var isReduction: Bool {
    switch self {
    case .scores, .selection, .assembly, .reduction: true
    default: false
    }
  }
}

/// What one operation must do at least, counted from its shapes.
package struct OperationCost: Hashable, Sendable {
  /// Two for each multiply-add of a matrix product; nothing else counts, as in a model's MACs.
  package var flops: Int
  /// Every input and weight read once and every output written once; what stays inside an operation counts nothing.
  package var bytes: Int

  package init(flops: Int, bytes: Int) {
    self.flops = flops
    self.bytes = bytes
  }

  package static let zero = OperationCost(flops: 0, bytes: 0)

  package static func + (left: OperationCost, right: OperationCost) -> OperationCost {
    OperationCost(flops: left.flops + right.flops, bytes: left.bytes + right.bytes)
  }

  /// Of an operation that reads and writes whole tensors.
  init(multiplyAdds: Int = 0, _ tensors: Tensor?...) {
    flops = 2 * multiplyAdds
    bytes = tensors.reduce(0) { $0 + ($1.map { $0.shape.count * $0.dtype.byteCount } ?? 0) }
  }
}
