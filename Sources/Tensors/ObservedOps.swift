/// A backend that is told each operation by its shapes before it is carried out, or instead.
///
/// A new operation of the protocols is described here, once, for timing, counting and simulation
/// alike.
package protocol ObservedOps: Backend {
  /// What carries operations out; `nil` where none is.
  var base: (any Backend)? { get }
  /// Whether the blocks of a transformer are seen as the operations that they are composed of.
  var composesBlocks: Bool { get }
  /// Sees an operation; `body` carries it out.
  func observe(_ operation: PassOperation, _ body: (any Backend) -> Void)
}

extension ObservedOps {
  package var composesBlocks: Bool { false }

  // MARK: TensorOps

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

  // MARK: TransformerOps

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

  package func readOut(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: ReadOut, into features: Tensor
  ) {
    guard !composesBlocks else {
      return composedReadOut(stream, norm: norm, kind, into: features)
    }
    let (images, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    let read =
      switch kind {
      case .prefix(let count): images * count * width
      case .classAndPatchMean: images * tokens * width
      }
    observe(
      PassOperation(
        .readOut, .rows(images * tokens, width: width),
        bytesRead: norm.bytes + read * stream.dtype.byteCount, bytesWritten: features.bytes)
    ) { $0.readOut(stream, norm: norm, kind, into: features) }
  }

  // MARK: ReductionOps

  package func complete(_ received: ReceivedAttention) {
    guard received.pending != nil else { return }
    observe(
      PassOperation(
        .scores, .scoreExtent(received.sums), bytesRead: 0, bytesWritten: received.sums.bytes)
    ) { $0.complete(received) }
  }

  package func randomScores(
    seed: UInt64, imageKeys: UnsafePointer<UInt64>, into scores: Tensor
  ) {
    observe(
      PassOperation(.scores, .scoreExtent(scores), bytesRead: 0, bytesWritten: scores.bytes)
    ) { $0.randomScores(seed: seed, imageKeys: imageKeys, into: scores) }
  }

  package func featureScores(
    _ qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction,
    into scores: Tensor
  ) {
    // One third of the fused rows is read.
    observe(
      PassOperation(
        .scores, .scoreExtent(scores), bytesRead: qkv.bytes / 3, bytesWritten: scores.bytes)
    ) {
      $0.featureScores(qkv, heads: heads, feature: feature, reduction: reduction, into: scores)
    }
  }

  package func combineScores(
    attention: Tensor?, features: Tensor?, prefixTokens: Int, normalization: ScoreNormalization,
    into scores: Tensor
  ) {
    observe(
      PassOperation(
        .scores, .scoreExtent(scores), bytesRead: (attention?.bytes ?? 0) + (features?.bytes ?? 0),
        bytesWritten: scores.bytes)
    ) {
      $0.combineScores(
        attention: attention, features: features, prefixTokens: prefixTokens,
        normalization: normalization, into: scores)
    }
  }

  package func resetSizes(_ sizes: Tensor) {
    observe(
      PassOperation(.scores, .scoreExtent(sizes), bytesRead: 0, bytesWritten: sizes.bytes)
    ) { $0.resetSizes(sizes) }
  }

  package func keyMetric(_ qkv: Tensor, heads: Int, into metric: Tensor) {
    observe(
      PassOperation(
        .scores, .scoreExtent(metric), bytesRead: qkv.bytes / 3, bytesWritten: metric.bytes)
    ) { $0.keyMetric(qkv, heads: heads, into: metric) }
  }

  package func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment
  ) {
    observe(
      PassOperation(
        .selection, .assignmentExtent(assignment, width: 1), bytesRead: scores.bytes,
        bytesWritten: assignment.bytes)
    ) {
      $0.selectTokens(
        scores, prefixTokens: prefixTokens, keep: keep, fuse: fuse, into: assignment)
    }
  }

  package func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment
  ) {
    let gone = assignment.tokensIn - prefixTokens - keep
    observe(
      PassOperation(
        .selection, .assignmentExtent(assignment, width: metric.shape[2]),
        macs: assignment.batchSize * gone * keep * metric.shape[2],
        bytesRead: scores.bytes + metric.bytes, bytesWritten: assignment.bytes)
    ) {
      $0.selectAndMatch(
        scores, metric: metric, prefixTokens: prefixTokens, keep: keep, into: assignment)
    }
  }

  package func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment
  ) {
    let tokens = assignment.tokensIn
    let pairs = (tokens + 1) / 2 * (tokens / 2)
    observe(
      PassOperation(
        .selection, .assignmentExtent(assignment, width: metric.shape[2]),
        macs: assignment.batchSize * pairs * metric.shape[2], bytesRead: metric.bytes,
        bytesWritten: nodeMaximum.bytes + assignment.bytes)
    ) {
      $0.matchBipartite(
        metric, prefixTokens: prefixTokens, r: r, nodeMaximum: nodeMaximum, into: assignment)
    }
  }

  package func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?
  ) {
    observe(
      PassOperation(
        .assembly, .assignmentExtent(assignment, width: tokens.shape[2]),
        bytesRead: tokens.bytes + assignment.bytes + (scores?.bytes ?? 0) + (sizes?.bytes ?? 0),
        bytesWritten: output.bytes + (outputSizes?.bytes ?? 0))
    ) {
      $0.assemble(
        tokens, assignment, weighting: weighting, scores: scores, sizes: sizes, into: output,
        outputSizes: outputSizes)
    }
  }

  package func runOnHost(_ step: HostStep) { observe(step.operation) { $0.runOnHost(step) } }

  /// Handed on whole: a device may have fewer launches for a step than for its parts.
  package func reduce(_ selection: TokenSelection) {
    guard !composesBlocks else { return reduceByParts(selection) }
    let assignment = selection.assignment
    var read = selection.stream.bytes
    if case .tailEffect(let attention, let features, _) = selection.score {
      // One third of the fused rows is read.
      read +=
        (attention?.sums.bytes ?? 0) + (features.map { $0.scores.bytes + $0.qkv.bytes / 3 } ?? 0)
    }
    observe(
      PassOperation(
        .reduction, .assignmentExtent(assignment, width: selection.stream.shape[2]),
        bytesRead: read,
        bytesWritten: selection.scores.bytes + assignment.bytes + selection.output.bytes)
    ) { $0.reduce(selection) }
  }
}

extension PassOperation {
  /// A feed-forward network; `bytesRead` are those of its input and of the stream, each once.
  fileprivate static func feedForward(
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
  fileprivate static func rows(
    _ kind: OperationKind, _ bytesRead: [Int], _ output: TensorView
  ) -> PassOperation {
    PassOperation(
      kind, .rows(output.rows, width: output.width), bytesRead: bytesRead.reduce(0, +),
      bytesWritten: output.bytes)
  }
}

extension PassOperation.Extent {
  fileprivate static func mapExtent(
    _ queries: HeadView, _ keys: HeadView, valueDim: Int
  ) -> PassOperation.Extent {
    .attention(
      batch: queries.batch, queries: queries.tokens, keys: keys.tokens, heads: queries.heads,
      headDim: queries.headDim, valueDim: valueDim)
  }

  /// Of scores [B, N] or metrics [B, N, d].
  fileprivate static func scoreExtent(_ scores: Tensor) -> PassOperation.Extent {
    let shape = scores.shape
    return .tokens(
      batch: shape[0], before: shape.rank > 1 ? shape[1] : 1,
      after: shape.rank > 1 ? shape[1] : 1, width: shape.rank > 2 ? shape[2] : 1)
  }

  fileprivate static func assignmentExtent(
    _ assignment: TokenAssignment, width: Int
  ) -> PassOperation.Extent {
    .tokens(
      batch: assignment.batchSize, before: assignment.tokensIn, after: assignment.tokensOut,
      width: width)
  }
}

extension TokenAssignment {
  fileprivate var bytes: Int { offsets.bytes + sources.bytes }
}
