/// The parts of a plain transformer, which a device may fuse into one operation each.
///
/// Each has a default composed of `TensorOps`, which is the reference and what a device without an
/// override runs. The composed form has its own name (`composedFeedForward`), so that tests can
/// compare overrides with it.
package protocol TransformerOps: TensorOps {
  /// Patch embedding of images [B, 3, S, S] into tokens [B, P + patches, C], including prefix
  /// tokens and positions.
  func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor)
  /// `output = linear(norm(input))` for every row; `norm == nil` skips it. Shapes [.., K] to [..,
  /// M].
  func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor)
  /// `stream += linear(input)`. A LayerScale is folded into the layer when it is loaded.
  func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor)
  /// `stream += fc2(activation(fc1(norm(stream))))`.
  func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters)
  /// The same for an input other than the stream, `stream += fc2(activation(fc1(norm(input))))`
  /// (ConvNeXt).
  func feedForward(_ input: Tensor, _ parameters: FeedForwardParameters, onto stream: Tensor)
  /// Softmax attention of all heads from fused rows [B, N, 3C] = [Q heads | K heads | V heads] into
  /// [B, N, C].
  ///
  /// With `tokenSize` [B, N] the logarithm of each key's size is added to its logits (ToMe's
  /// proportional attention). `statistics` are computed in the same operation, so that the
  /// attention matrix never leaves the cache, and returned.
  func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) -> AttentionFindings
  /// Computes the statistics of an attention map [B, H, N, N] into the given buffers.
  func summarizeAttention(_ map: Tensor, _ statistics: AttentionStatistics)
  /// The head's input [B, F] from the normalized stream.
  func poolTokens(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: TokenPooling, into features: Tensor)
}

extension TransformerOps {
  package func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor) {
    composedEmbedPatches(images, embedding, into: tokens)
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) { composedProject(input, norm: norm, linear, into: output) }

  package func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor) {
    composedProjectResidual(input, linear, onto: stream)
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    composedFeedForward(stream, parameters, onto: stream)
  }

  package func feedForward(
    _ input: Tensor, _ parameters: FeedForwardParameters, onto stream: Tensor
  ) {
    composedFeedForward(input, parameters, onto: stream)
  }

  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) -> AttentionFindings {
    composedAttend(qkv, heads: heads, tokenSize: tokenSize, statistics: statistics, into: output)
  }

  package func poolTokens(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: TokenPooling, into features: Tensor
  ) { composedTokenPooling(stream, norm: norm, kind, into: features) }

  // MARK: The composed forms

  package func composedEmbedPatches(
    _ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor
  ) {
    let (batch, count, width) = (tokens.shape[0], tokens.shape[1], tokens.shape[2])
    let patches = embedding.positions.shape[0]
    let prefix = count - patches
    let unfolded = TensorView(
      temporary(.unfolded, Shape(batch * patches, embedding.linear.inputs), activationType))
    unfold(images, patch: embedding.patchSize, into: unfolded)
    for image in 0..<batch {
      let rows = TensorView(
        tokens, offset: image * count * width, rows: count, width: width, stride: width)
      copy(TensorView(embedding.prefix), into: rows.rows(0..<prefix))
      linear(
        unfolded.rows((image * patches)..<((image + 1) * patches)), embedding.linear,
        Epilogue(residual: TensorView(embedding.positions)), into: rows.rows(prefix..<count))
    }
  }

  package func composedProject(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    var rows = Self.rows(input, width: linear.inputs)
    if let norm {
      let normalized = TensorView(
        temporary(.normalized, Shape(rows.rows, linear.inputs), activationType))
      layerNorm(rows, norm, into: normalized)
      rows = normalized
    }
    self.linear(rows, linear, .none, into: Self.rows(output, width: linear.outputs))
  }

  package func composedProjectResidual(
    _ input: Tensor, _ linear: LinearParameters, onto stream: Tensor
  ) {
    let rows = Self.rows(stream, width: linear.outputs)
    self.linear(
      Self.rows(input, width: linear.inputs), linear, Epilogue(residual: rows), into: rows)
  }

  package func composedFeedForward(
    _ input: Tensor, _ parameters: FeedForwardParameters, onto stream: Tensor
  ) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let rows = Self.rows(stream, width: fc1.inputs)
    let normalized = TensorView(
      temporary(.normalized, Shape(rows.rows, fc1.inputs), activationType))
    let hidden = TensorView(temporary(.hidden, Shape(rows.rows, fc1.outputs), activationType))
    layerNorm(Self.rows(input, width: fc1.inputs), parameters.norm, into: normalized)
    switch parameters.activation {
    case .gelu: linear(normalized, fc1, Epilogue(.gelu), into: hidden)
    case .swiglu:
      linear(normalized, fc1, .none, into: hidden)
      let gate = hidden.columns(0..<fc2.inputs)
      activate(gate, .silu, into: gate)
      multiply(gate, hidden.columns(fc2.inputs..<(2 * fc2.inputs)), into: gate)
    }
    linear(hidden.columns(0..<fc2.inputs), fc2, Epilogue(residual: rows), into: rows)
  }

  package func composedAttend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) -> AttentionFindings {
    let (batch, tokens, width) = (output.shape[0], output.shape[1], output.shape[2])
    let queries = HeadView(qkv, part: .query, heads: heads)
    let keys = HeadView(qkv, part: .key, heads: heads)
    let values = HeadView(qkv, part: .value, heads: heads)
    let mixed = HeadView(
      output, batch: batch, tokens: tokens, heads: heads, headDim: width / heads)
    let scale = 1 / Float(width / heads).squareRoot()
    guard let statistics else {
      attention(
        AttentionOperands(
          queries: queries, keys: keys, values: values, output: mixed, scale: scale,
          tokenSize: tokenSize))
      return .none
    }
    let map = temporary(.attentionMap, Shape(batch, heads, tokens, tokens), .float32)
    attentionMap(queries: queries, keys: keys, scale: scale, tokenSize: tokenSize, into: map)
    applyAttentionMap(map, values: values, into: mixed)
    summarizeAttention(map, statistics)
    return AttentionFindings(
      classAttention: statistics.classAttention,
      received: statistics.receivedAttention.map { ReceivedAttention(sums: $0) })
  }

  package func composedTokenPooling(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: TokenPooling, into features: Tensor
  ) {
    let (batch, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    let output = TensorView(features)
    func normalizeToken(_ token: Int) {
      layerNorm(
        TensorView(
          stream, offset: token * width, rows: batch, width: width, stride: tokens * width), norm,
        into: output.columns((token * width)..<((token + 1) * width)))
    }
    switch kind {
    case .prefix(let count): for token in 0..<count { normalizeToken(token) }
    case .classAndPatchMean(let prefix):
      normalizeToken(0)
      let normalized = temporary(.normalized, Shape(batch * tokens, width), activationType)
      layerNorm(Self.rows(stream, width: width), norm, into: TensorView(normalized))
      globalAveragePool(
        FeatureMap(
          normalized, offset: prefix * width, batch: batch, height: 1, width: tokens - prefix,
          channels: width, imageStride: tokens * width), into: output.columns(width..<(2 * width)))
    }
  }

  private static func rows(_ tensor: Tensor, width: Int) -> TensorView {
    TensorView(tensor.view(Shape(tensor.shape.count / width, width)))
  }
}
