/// The kinds of operations in a forward pass.
package enum OperationKind: String, CaseIterable, Hashable, Sendable {
  case upload = "input"
  case patchEmbedding = "patch embedding"
  /// A linear layer after a LayerNorm.
  case qkv
  case attention
  /// An attention that also returns what a score needs.
  case scoredAttention = "attention + scores"
  /// A linear layer onto the residual stream.
  case projection
  case feedForward = "MLP"
  case convolution
  case depthwiseConvolution = "depthwise convolution"
  case linear
  case normalization
  case linearAttention = "linear attention"
  case reducedAttention = "reduced attention"
  /// An attention map in memory: written, read or summed.
  case attentionMap = "attention map"
  case pooling
  case elementwise
  case copy
  case scores = "reduction: scores"
  case selection = "reduction: selection"
  case assembly = "reduction: new tokens"
  /// Scores, selection and assembling tokens in one operation.
  case reduction = "reduction: whole step"
  /// A score or disposal without a device kernel.
  case hostReduction = "reduction: on the host"
  case poolTokens = "pooling of tokens"
  /// A linear layer without a LayerNorm.
  case head
  case download = "output"

  /// Whether the kind occurs only in passes with token reduction.
  package var isReduction: Bool {
    switch self {
    case .scores, .selection, .assembly, .reduction, .hostReduction: true
    default: false
    }
  }
}

/// One operation of a pass, described by its shapes: its minimum work, and the scratch memory that
/// devices need for it.
package struct PassOperation: Hashable, Sendable {
  /// The sizes from which devices compute their scratch memory, and simulated devices their time.
  package enum Extent: Hashable, Sendable {
    case convolution(ConvolutionExtent, pixels: Int)
    /// `isNormalized` if a LayerNorm precedes it.
    case product(rows: Int, inputs: Int, outputs: Int, isNormalized: Bool)
    case feedForward(rows: Int, inputs: Int, hidden: Int, outputs: Int, isGated: Bool)
    case attention(
      batch: Int, queries: Int, keys: Int, heads: Int, headDim: Int, valueDim: Int)
    case embedding(batch: Int, patches: Int, tokens: Int, patchValues: Int, width: Int)
    /// Tokens of a reduction, with `width` elements each if they are moved or compared.
    case tokens(batch: Int, before: Int, after: Int, width: Int)
    case rows(Int, width: Int)
  }

  package let kind: OperationKind
  package let extent: Extent
  /// Multiply-adds of matrix products and convolutions; nothing else counts, as in fvcore and timm.
  package let macs: Int
  /// Counts every input and weight once; values that stay inside an operation are not counted.
  package let bytesRead: Int
  /// Counts every output once.
  package let bytesWritten: Int

  package init(
    _ kind: OperationKind, _ extent: Extent, macs: Int = 0, bytesRead: Int, bytesWritten: Int
  ) {
    self.kind = kind
    self.extent = extent
    self.macs = macs
    self.bytesRead = bytesRead
    self.bytesWritten = bytesWritten
  }

  package var cost: OperationCost {
    OperationCost(flops: 2 * macs, bytes: bytesRead + bytesWritten)
  }
}

/// The minimum work of operations.
package struct OperationCost: Hashable, Sendable {
  /// Two per multiply-add of a matrix product; nothing else is counted, as in a model's MACs.
  package var flops: Int
  /// Every input and weight is read once and every output written once; values that stay inside an
  /// operation are not counted.
  package var bytes: Int

  package init(flops: Int, bytes: Int) {
    self.flops = flops
    self.bytes = bytes
  }

  package static let zero = OperationCost(flops: 0, bytes: 0)

  package static func + (left: OperationCost, right: OperationCost) -> OperationCost {
    OperationCost(flops: left.flops + right.flops, bytes: left.bytes + right.bytes)
  }
}

extension Tensor {
  /// Bytes that reading all of it reads.
  package var bytes: Int { shape.count * dtype.byteCount }
}

extension LinearParameters {
  /// Bytes of weight and bias, without a device's padding.
  var bytes: Int { inputs * outputs * weight.dtype.byteCount + outputs * bias.dtype.byteCount }
}

extension ConvolutionParameters {
  /// Bytes of weight and bias, without a device's padding.
  var bytes: Int {
    extent.weightCount * weight.dtype.byteCount + extent.outputs * bias.dtype.byteCount
  }
}

extension LayerNormParameters {
  var bytes: Int { weight.bytes + bias.bytes }
}
