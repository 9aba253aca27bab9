import Records

/// Another backend, with the time, arithmetic and traffic of each of its operations taken down by kind.
///
/// Each operation is waited for, so on a device that queues work a pass takes longer than without it. Nothing of the other backend
/// changes, and a pass that is not decorated pays nothing.
package final class TimingBackend: Backend {
  /// What the operations of one kind came to.
  package struct Total: Hashable, Sendable {
    package var calls = 0
    package var time = Duration.zero
    package var cost = OperationCost.zero
  }

  /// Since the beginning or the last `reset()`.
  package private(set) var totals: [OperationKind: Total] = [:]

  private let base: any Backend
  private let now: () -> Duration

  /// - Parameter now: Time since any fixed moment.
  package init(_ base: any Backend, now: @escaping () -> Duration) {
    self.base = base
    self.now = now
  }

  /// Forgets all totals.
  package func reset() { totals.removeAll(keepingCapacity: true) }

  private func time(_ kind: OperationKind, _ cost: OperationCost, _ operation: () -> Void) {
    let start = now()
    operation()
    base.synchronize()
    let end = now()
    totals[kind, default: Total()].calls += 1
    totals[kind, default: Total()].time += end - start
    totals[kind, default: Total()].cost = (totals[kind]?.cost ?? .zero) + cost
  }

  // MARK: What it is, and its memory

  package var name: String { base.name }
  package var hardware: String { base.hardware }
  package var threads: Int { base.threads }
  package var libraryDescription: String { base.libraryDescription }
  package var precision: Precision { base.precision }
  package var activationType: DType { base.activationType }
  package var driver: String? { base.driver }
  package var peakMemoryBytes: Int? { base.peakMemoryBytes }

  package func computing(at precision: Precision) throws -> any Backend {
    TimingBackend(try base.computing(at: precision), now: now)
  }

  package func check() throws { try base.check() }

  package func fail(_ error: any Error) { base.fail(error) }

  package func state() -> GPUState? { base.state() }

  package func withArena<Result>(
    bytes: Int?, _ body: () throws -> Result
  ) throws -> Result { try base.withArena(bytes: bytes, body) }

  package func resetPeakMemory() { base.resetPeakMemory() }

  package func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor) {
    base.stageImageKeys(keys, in: storage)
  }

  package func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    try base.allocate(shape, dtype)
  }

  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    try base.makeLinear(weight: weight, bias: bias, inputs: inputs, outputs: outputs)
  }

  package func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor) {
    time(.upload, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      base.upload(values, to: tensor)
    }
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>) {
    time(.download, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      base.download(tensor, to: values)
    }
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>) {
    time(.download, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      base.download(tensor, to: values)
    }
  }

  package func reserve(_ limits: ScratchLimits) throws(TensorsError) { try base.reserve(limits) }

  package func synchronize() { base.synchronize() }

  // MARK: Layers

  package func embedPatches(_ images: Tensor, _ embedding: PatchEmbedding, into tokens: Tensor) {
    let linear = embedding.linear
    let patches = images.shape[0] * embedding.positions.shape[0]
    let cost = OperationCost(
      multiplyAdds: patches * linear.inputs * linear.outputs, images, linear.weight, linear.bias,
      embedding.positions, embedding.prefix, tokens)
    time(.patchEmbedding, cost) { base.embedPatches(images, embedding, into: tokens) }
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    let rows = input.shape.count / linear.inputs
    let cost = OperationCost(
      multiplyAdds: rows * linear.inputs * linear.outputs, input, norm?.weight, norm?.bias,
      linear.weight, linear.bias, output)
    time(norm == nil ? .head : .qkv, cost) {
      base.project(input, norm: norm, linear, into: output)
    }
  }

  package func projectResidual(
    _ input: Tensor, _ linear: LinearParameters, onto stream: Tensor
  ) {
    let rows = input.shape.count / linear.inputs
    let cost = OperationCost(
      multiplyAdds: rows * linear.inputs * linear.outputs, input, linear.weight, linear.bias,
      stream, stream)
    time(.projection, cost) { base.projectResidual(input, linear, onto: stream) }
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let rows = stream.shape.count / fc1.inputs
    let cost = OperationCost(
      multiplyAdds: rows * (fc1.inputs * fc1.outputs + fc2.inputs * fc2.outputs), stream, stream,
      parameters.norm.weight, parameters.norm.bias, fc1.weight, fc1.bias, fc2.weight, fc2.bias)
    time(.feedForward, cost) { base.feedForward(stream, parameters) }
  }

  package func attend(
    _ qkv: Tensor, heads: Int, tokenSize: Tensor?, statistics: AttentionStatistics?,
    into output: Tensor
  ) {
    let (images, tokens, width) = (output.shape[0], output.shape[1], output.shape[2])
    let cost = OperationCost(
      multiplyAdds: 2 * images * tokens * tokens * width, qkv, tokenSize,
      statistics?.classAttention, statistics?.receivedAttention, output)
    time(statistics == nil ? .attention : .scoredAttention, cost) {
      base.attend(
        qkv, heads: heads, tokenSize: tokenSize, statistics: statistics, into: output)
    }
  }

  package func readOut(
    _ stream: Tensor, norm: LayerNormParameters, _ kind: ReadOut, into features: Tensor
  ) {
    var cost = OperationCost(norm.weight, norm.bias, features)
    let (images, tokens, width) = (stream.shape[0], stream.shape[1], stream.shape[2])
    switch kind {
    case .prefix(let count): cost.bytes += 4 * images * count * width
    case .classAndPatchMean: cost.bytes += 4 * images * tokens * width
    }
    time(.readOut, cost) { base.readOut(stream, norm: norm, kind, into: features) }
  }

  // MARK: Token reduction

  package func randomScores(
    seed: UInt64, imageKeys: UnsafePointer<UInt64>, into scores: Tensor
  ) {
    time(.scores, OperationCost(scores)) {
      base.randomScores(seed: seed, imageKeys: imageKeys, into: scores)
    }
  }

  package func featureScores(
    _ qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction,
    into scores: Tensor
  ) {
    var cost = OperationCost(qkv, scores)
    // One third is read.
    cost.bytes -= qkv.shape.count * qkv.dtype.byteCount * 2 / 3
    time(.scores, cost) {
      base.featureScores(
        qkv, heads: heads, feature: feature, reduction: reduction, into: scores)
    }
  }

  package func combineScores(
    attention: Tensor?, features: Tensor?, prefixTokens: Int, normalization: ScoreNormalization,
    into scores: Tensor
  ) {
    time(.scores, OperationCost(attention, features, scores)) {
      base.combineScores(
        attention: attention, features: features, prefixTokens: prefixTokens,
        normalization: normalization, into: scores)
    }
  }

  package func resetSizes(_ sizes: Tensor) {
    time(.scores, OperationCost(sizes)) { base.resetSizes(sizes) }
  }

  package func keyMetric(_ qkv: Tensor, heads: Int, into metric: Tensor) {
    var cost = OperationCost(qkv, metric)
    // One third is read.
    cost.bytes -= qkv.shape.count * qkv.dtype.byteCount * 2 / 3
    time(.scores, cost) { base.keyMetric(qkv, heads: heads, into: metric) }
  }

  package func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment
  ) {
    time(.selection, OperationCost(scores, assignment.offsets, assignment.sources)) {
      base.selectTokens(
        scores, prefixTokens: prefixTokens, keep: keep, fuse: fuse, into: assignment)
    }
  }

  package func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment
  ) {
    let gone = assignment.tokensIn - prefixTokens - keep
    let cost = OperationCost(
      multiplyAdds: assignment.batchSize * gone * keep * metric.shape[2], scores, metric,
      assignment.offsets, assignment.sources)
    time(.selection, cost) {
      base.selectAndMatch(
        scores, metric: metric, prefixTokens: prefixTokens, keep: keep, into: assignment)
    }
  }

  package func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment
  ) {
    let tokens = assignment.tokensIn
    let pairs = (tokens + 1) / 2 * (tokens / 2)
    let cost = OperationCost(
      multiplyAdds: assignment.batchSize * pairs * metric.shape[2], metric, nodeMaximum,
      assignment.offsets, assignment.sources)
    time(.selection, cost) {
      base.matchBipartite(
        metric, prefixTokens: prefixTokens, r: r, nodeMaximum: nodeMaximum, into: assignment)
    }
  }

  package func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?
  ) {
    let cost = OperationCost(
      tokens, assignment.offsets, assignment.sources, scores, sizes, output, outputSizes)
    time(.assembly, cost) {
      base.assemble(
        tokens, assignment, weighting: weighting, scores: scores, sizes: sizes, into: output,
        outputSizes: outputSizes)
    }
  }

  /// Handed on whole: a device may have fewer launches for a step than for its parts.
  package func reduce(_ selection: TokenSelection) {
    var cost = OperationCost(
      selection.stream, selection.scores, selection.assignment.offsets,
      selection.assignment.sources, selection.output)
    if case .tailEffect(let attention, let features, _) = selection.score {
      cost = cost + OperationCost(attention, features?.scores)
      // One third is read.
      if let qkv = features?.qkv { cost.bytes += qkv.shape.count * qkv.dtype.byteCount / 3 }
    }
    time(.reduction, cost) { base.reduce(selection) }
  }
}
