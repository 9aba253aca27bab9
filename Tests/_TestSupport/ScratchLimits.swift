import Tensors

/// The maximum sizes with which a test calls operations.
package struct ScratchLimits {
  package var embedDim: Int
  package var hiddenDim: Int
  package var patchValues: Int
  package var tokens: Int
  package var heads: Int
  package var batchSize: Int

  package init(
    embedDim: Int, hiddenDim: Int, patchValues: Int, tokens: Int, heads: Int, batchSize: Int
  ) {
    self.embedDim = embedDim
    self.hiddenDim = hiddenDim
    self.patchValues = patchValues
    self.tokens = tokens
    self.heads = heads
    self.batchSize = batchSize
  }

  /// One operation of each kind that needs scratch memory.
  var operations: [PassOperation] {
    let rows = batchSize * tokens
    let headDim = embedDim / heads
    func operation(_ kind: OperationKind, _ extent: PassOperation.Extent) -> PassOperation {
      PassOperation(kind, extent, bytesRead: 0, bytesWritten: 0)
    }
    return [
      operation(
        .qkv, .product(rows: rows, inputs: embedDim, outputs: hiddenDim, isNormalized: true)),
      operation(
        .feedForward,
        .feedForward(
          rows: rows, inputs: embedDim, hidden: hiddenDim, outputs: embedDim, isGated: true)),
      operation(
        .feedForward,
        .feedForward(
          rows: rows, inputs: embedDim, hidden: hiddenDim, outputs: embedDim, isGated: false)),
      operation(
        .scoredAttention,
        .attention(
          batch: batchSize, queries: tokens, keys: tokens, heads: heads, headDim: headDim,
          valueDim: headDim)),
      operation(
        .patchEmbedding,
        .embedding(
          batch: batchSize, patches: tokens, tokens: tokens, patchValues: patchValues,
          width: embedDim)),
      operation(
        .selection, .tokens(batch: batchSize, before: tokens, after: tokens, width: headDim)),
      operation(.poolTokens, .rows(rows, width: embedDim)),
    ]
  }
}

extension Device {
  /// Reserves scratch memory for operations of at most these sizes.
  package func reserve(_ limits: ScratchLimits) throws { try reserve(limits.operations) }
}
