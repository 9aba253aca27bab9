/// A backend that observes each operation with its shapes before executing it, or without executing
/// it.
///
/// Every operation of the protocols is described here once, for timing, counting and simulation.
package protocol ObservedOps: Backend {
  /// The backend that executes the operations; `nil` for none.
  var base: (any Backend)? { get }
  /// Whether the blocks of a transformer are observed as the operations that they are composed of.
  var composesBlocks: Bool { get }
  /// Observes an operation; `body` executes it.
  func observe(_ operation: PassOperation, _ body: (any Backend) -> Void)
}

extension ObservedOps {
  package var composesBlocks: Bool { false }

  package func convolve(
    _ input: FeatureMap, _ convolution: ConvolutionParameters, _ epilogue: Epilogue,
    into output: FeatureMap
  ) {
    let extent = convolution.extent
    let pixels = output.batch * output.pixels
    let perPixel = extent.weightCount
    observe(
      PassOperation(
        extent.groups == extent.inputs && extent.groups > 1 ? .depthwiseConvolution : .convolution,
        .convolution(extent, pixels: pixels), macs: pixels * perPixel,
        bytesRead: input.bytes + convolution.bytes + (epilogue.residual?.bytes ?? 0),
        bytesWritten: output.bytes)
    ) { $0.convolve(input, convolution, epilogue, into: output) }
  }

  package func linear(
    _ input: TensorView, _ linear: LinearParameters, _ epilogue: Epilogue, into output: TensorView
  ) {
    observe(
      PassOperation(
        .linear,
        .product(
          rows: input.rows, inputs: linear.inputs, outputs: linear.outputs, isNormalized: false),
        macs: input.rows * linear.inputs * linear.outputs,
        bytesRead: input.bytes + linear.bytes + (epilogue.residual?.bytes ?? 0),
        bytesWritten: output.bytes)
    ) { $0.linear(input, linear, epilogue, into: output) }
  }

  package func layerNorm(
    _ input: TensorView, _ norm: LayerNormParameters, into output: TensorView
  ) {
    observe(.rows(.normalization, [input.bytes, norm.bytes], output)) {
      $0.layerNorm(input, norm, into: output)
    }
  }

  package func affine(
    _ input: TensorView, scale: Tensor, shift: Tensor, _ activation: Activation,
    into output: TensorView
  ) {
    observe(.rows(.normalization, [input.bytes, scale.bytes, shift.bytes], output)) {
      $0.affine(input, scale: scale, shift: shift, activation, into: output)
    }
  }

  package func attention(_ operands: AttentionOperands) {
    let (queries, keys, values) = (operands.queries, operands.keys, operands.values)
    let groups = operands.grouping.groups(tokens: queries.tokens)
    let perGroup = queries.tokens / groups
    let read = [
      queries.bytes, keys.bytes, values.bytes, operands.bias?.bytes ?? 0,
      operands.tokenSize?.bytes ?? 0,
    ]
    observe(
      PassOperation(
        .attention,
        .attention(
          batch: queries.batch * groups, queries: perGroup, keys: keys.tokens / groups,
          heads: queries.heads, headDim: queries.headDim, valueDim: values.headDim),
        macs: queries.batch * groups * queries.heads * perGroup * (keys.tokens / groups)
          * (queries.headDim + values.headDim),
        bytesRead: read.reduce(0, +), bytesWritten: operands.output.bytes)
    ) { $0.attention(operands) }
  }

  package func linearAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) {
    // kᵀ [v 1] and q times that.
    let product = queries.batch * queries.heads * queries.headDim * (values.headDim + 1)
    observe(
      PassOperation(
        .linearAttention,
        .attention(
          batch: queries.batch, queries: queries.tokens, keys: keys.tokens, heads: queries.heads,
          headDim: queries.headDim, valueDim: values.headDim),
        macs: product * (queries.tokens + keys.tokens),
        bytesRead: queries.bytes + keys.bytes + values.bytes, bytesWritten: output.bytes)
    ) {
      $0.linearAttention(
        queries: queries, keys: keys, values: values, epsilon: epsilon, into: output)
    }
  }

  package func reducedAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) {
    observe(
      PassOperation(
        .reducedAttention,
        .attention(
          batch: queries.batch, queries: queries.tokens, keys: keys.tokens, heads: queries.heads,
          headDim: queries.headDim, valueDim: values.headDim),
        bytesRead: queries.bytes + keys.bytes + values.bytes, bytesWritten: output.bytes)
    ) {
      $0.reducedAttention(
        queries: queries, keys: keys, values: values, epsilon: epsilon, into: output)
    }
  }

  package func attentionMap(
    queries: HeadView, keys: HeadView, scale: Float, tokenSize: Tensor?, into map: Tensor
  ) {
    observe(
      PassOperation(
        .attentionMap, .mapExtent(queries, keys, valueDim: 0),
        macs: queries.count * keys.tokens,
        bytesRead: queries.bytes + keys.bytes + (tokenSize?.bytes ?? 0), bytesWritten: map.bytes)
    ) {
      $0.attentionMap(queries: queries, keys: keys, scale: scale, tokenSize: tokenSize, into: map)
    }
  }

  package func applyAttentionMap(_ map: Tensor, values: HeadView, into output: HeadView) {
    observe(
      PassOperation(
        .attentionMap, .mapExtent(output, values, valueDim: values.headDim),
        macs: output.count * values.tokens, bytesRead: map.bytes + values.bytes,
        bytesWritten: output.bytes)
    ) { $0.applyAttentionMap(map, values: values, into: output) }
  }

  package func pool(_ input: FeatureMap, _ pooling: Pooling, into output: FeatureMap) {
    observe(
      PassOperation(
        .pooling, .rows(output.batch * output.pixels, width: output.channels),
        bytesRead: input.bytes, bytesWritten: output.bytes)
    ) { $0.pool(input, pooling, into: output) }
  }

  package func globalAveragePool(_ input: FeatureMap, into output: TensorView) {
    observe(.rows(.pooling, [input.bytes], output)) { $0.globalAveragePool(input, into: output) }
  }

  package func add(
    _ left: TensorView, _ right: TensorView, _ activation: Activation, into output: TensorView
  ) {
    observe(.rows(.elementwise, [left.bytes, right.bytes], output)) {
      $0.add(left, right, activation, into: output)
    }
  }

  package func multiply(_ left: TensorView, _ right: TensorView, into output: TensorView) {
    observe(.rows(.elementwise, [left.bytes, right.bytes], output)) {
      $0.multiply(left, right, into: output)
    }
  }

  package func activate(_ input: TensorView, _ activation: Activation, into output: TensorView) {
    observe(.rows(.elementwise, [input.bytes], output)) {
      $0.activate(input, activation, into: output)
    }
  }

  package func gather(_ input: TensorView, _ indices: Tensor, into output: TensorView) {
    observe(.rows(.copy, [output.bytes, indices.bytes], output)) {
      $0.gather(input, indices, into: output)
    }
  }

  package func copy(_ input: TensorView, into output: TensorView) {
    observe(.rows(.copy, [input.bytes], output)) { $0.copy(input, into: output) }
  }

  package func copy(_ input: FeatureMap, into output: FeatureMap) {
    observe(
      PassOperation(
        .copy, .rows(output.batch * output.pixels, width: output.channels),
        bytesRead: min(input.bytes, output.bytes), bytesWritten: output.bytes)
    ) { $0.copy(input, into: output) }
  }

  package func unfold(_ images: Tensor, patch: Int, into rows: TensorView) {
    observe(.rows(.copy, [images.bytes], rows)) { $0.unfold(images, patch: patch, into: rows) }
  }
}

extension PassOperation {
  /// A feed-forward network; `bytesRead` counts its input and the residual stream, each once.
  static func feedForward(
    _ bytesRead: Int, _ parameters: FeedForwardParameters, onto stream: Tensor
  ) -> PassOperation {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let rows = stream.shape.count / fc1.inputs
    return PassOperation(
      .feedForward,
      .feedForward(
        rows: rows, inputs: fc1.inputs, hidden: fc1.outputs, outputs: fc2.outputs,
        isGated: parameters.activation == .swiglu),
      macs: rows * (fc1.inputs * fc1.outputs + fc2.inputs * fc2.outputs),
      bytesRead: bytesRead + parameters.norm.bytes + fc1.bytes + fc2.bytes,
      bytesWritten: stream.bytes)
  }

  /// One that reads and writes rows.
  static func rows(
    _ kind: OperationKind, _ bytesRead: [Int], _ output: TensorView
  ) -> PassOperation {
    PassOperation(
      kind, .rows(output.rows, width: output.width), bytesRead: bytesRead.reduce(0, +),
      bytesWritten: output.bytes)
  }
}

extension PassOperation.Extent {
  static func mapExtent(
    _ queries: HeadView, _ keys: HeadView, valueDim: Int
  ) -> PassOperation.Extent {
    .attention(
      batch: queries.batch, queries: queries.tokens, keys: keys.tokens, heads: queries.heads,
      headDim: queries.headDim, valueDim: valueDim)
  }

  /// Of scores [B, N] or metrics [B, N, d].
  static func scoreExtent(_ scores: Tensor) -> PassOperation.Extent {
    let shape = scores.shape
    return .tokens(
      batch: shape[0], before: shape.rank > 1 ? shape[1] : 1,
      after: shape.rank > 1 ? shape[1] : 1, width: shape.rank > 2 ? shape[2] : 1)
  }

  static func assignmentExtent(
    _ assignment: TokenAssignment, width: Int
  ) -> PassOperation.Extent {
    .tokens(
      batch: assignment.batchSize, before: assignment.tokensIn, after: assignment.tokensOut,
      width: width)
  }
}

extension TokenAssignment {
  var bytes: Int { offsets.bytes + sources.bytes }
}
