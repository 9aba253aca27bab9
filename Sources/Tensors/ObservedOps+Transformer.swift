/// The fused operations of a transformer, each observed as a whole or, if `composesBlocks`, as its
/// parts.
extension ObservedOps {
  package func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor) {
    guard !composesBlocks else {
      return composedEmbedPatches(images, embedding, into: tokens)
    }
    let linear = embedding.linear
    let patches = embedding.positions.shape[0]
    observe(
      PassOperation(
        .patchEmbedding,
        .embedding(
          batch: images.shape[0], patches: patches, tokens: tokens.shape[1],
          patchValues: linear.inputs, width: linear.outputs),
        macs: images.shape[0] * patches * linear.inputs * linear.outputs,
        bytesRead: images.bytes + linear.bytes + embedding.positions.bytes
          + embedding.prefix.bytes, bytesWritten: tokens.bytes)
    ) { $0.embedPatches(images, embedding, into: tokens) }
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    guard !composesBlocks else {
      return composedProject(input, norm: norm, linear, into: output)
    }
    let rows = input.shape.count / linear.inputs
    observe(
      PassOperation(
        norm == nil ? .head : .qkv,
        .product(
          rows: rows, inputs: linear.inputs, outputs: linear.outputs, isNormalized: norm != nil),
        macs: rows * linear.inputs * linear.outputs,
        bytesRead: input.bytes + (norm?.bytes ?? 0) + linear.bytes, bytesWritten: output.bytes)
    ) { $0.project(input, norm: norm, linear, into: output) }
  }

  package func projectResidual(
    _ input: Tensor, _ linear: LinearParameters, onto stream: Tensor
  ) {
    guard !composesBlocks else { return composedProjectResidual(input, linear, onto: stream) }
    let rows = input.shape.count / linear.inputs
    observe(
      PassOperation(
        .projection,
        .product(rows: rows, inputs: linear.inputs, outputs: linear.outputs, isNormalized: false),
        macs: rows * linear.inputs * linear.outputs,
        bytesRead: input.bytes + linear.bytes + stream.bytes, bytesWritten: stream.bytes)
    ) { $0.projectResidual(input, linear, onto: stream) }
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    guard !composesBlocks else {
      return composedFeedForward(stream, parameters, onto: stream)
    }
    observe(.feedForward(stream.bytes, parameters, onto: stream)) {
      $0.feedForward(stream, parameters)
    }
  }

  package func feedForward(
    _ input: Tensor, _ parameters: FeedForwardParameters, onto stream: Tensor
  ) {
    guard !composesBlocks else { return composedFeedForward(input, parameters, onto: stream) }
    observe(.feedForward(input.bytes + stream.bytes, parameters, onto: stream)) {
      $0.feedForward(input, parameters, onto: stream)
    }
  }

  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) -> AttentionFindings {
    guard !composesBlocks else {
      return composedAttend(
        qkv, heads: heads, tokenSize: tokenSize, statistics: statistics, into: output)
    }
    let (images, tokens, width) = (output.shape[0], output.shape[1], output.shape[2])
    let found =
      (statistics?.classAttention?.bytes ?? 0) + (statistics?.receivedAttention?.bytes ?? 0)
    var findings = AttentionFindings(
      classAttention: statistics?.classAttention,
      received: statistics?.receivedAttention.map { ReceivedAttention(sums: $0) })
    observe(
      PassOperation(
        statistics == nil ? .attention : .scoredAttention,
        .attention(
          batch: images, queries: tokens, keys: tokens, heads: heads, headDim: width / heads,
          valueDim: width / heads), macs: 2 * images * tokens * tokens * width,
        bytesRead: qkv.bytes + (tokenSize?.bytes ?? 0), bytesWritten: output.bytes + found)
    ) {
      findings = $0.attend(
        qkv, heads: heads, tokenSize: tokenSize, statistics: statistics, into: output)
    }
    return findings
  }

  package func summarizeAttention(_ map: Tensor, _ statistics: AttentionStatistics) {
    let found =
      (statistics.classAttention?.bytes ?? 0) + (statistics.receivedAttention?.bytes ?? 0)
    observe(
      PassOperation(
        .attentionMap, .rows(map.shape.count / map.shape[3], width: map.shape[3]),
        bytesRead: map.bytes, bytesWritten: found)
    ) { $0.summarizeAttention(map, statistics) }
  }

  package func poolTokens(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: TokenPooling, into features: Tensor
  ) {
    guard !composesBlocks else {
      return composedTokenPooling(stream, norm: norm, kind, into: features)
    }
    let (images, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    let read =
      switch kind {
      case .prefix(let count): images * count * width
      case .classAndPatchMean: images * tokens * width
      }
    observe(
      PassOperation(
        .poolTokens, .rows(images * tokens, width: width),
        bytesRead: norm.bytes + read * stream.dtype.byteCount, bytesWritten: features.bytes)
    ) { $0.poolTokens(stream, norm: norm, kind, into: features) }
  }
}
