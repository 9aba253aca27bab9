import Tensors
import TokenReduction

/// One reduction of a pass with every view that it reads and writes, made before the first pass.
final class PreparedStep {
  let extent: StepExtent
  /// [B, N, C] and [B, N', C].
  let input: Tensor
  let output: Tensor
  let assignment: TokenAssignment
  /// [B, N].
  let scores: Tensor
  /// [B, N] and [B, N'], where sizes are counted.
  let sizes: (before: Tensor, after: Tensor)?
  /// What the attention of the block returns; of the block before for a step before a block.
  let statistics: AttentionStatistics?
  /// [B, H, N, N] where attention is computed explicitly.
  let map: Tensor?
  /// [B, H, N', N'] of a step inside attention.
  let outputMap: Tensor?
  /// The tokens before the MLP, [B, N, C], where the branch counts.
  let beforeBranch: Tensor?
  /// [B, N, 3C] where the step reads it.
  let qkv: Tensor?
  /// What has no kernel: the score, the disposal, or both.
  var onHost: HostStep?
  var changesMap: HostStep?
  var constants: [Float] = []
  /// So many of the constants are the score's.
  var scoreConstants = 0

  var step: ReductionStep { extent.step }

  init(
    _ extent: StepExtent, _ buffers: ReductionBuffers, _ composition: Composition, qkv: Tensor,
    batchSize: Int, writesSecond: Bool
  ) {
    self.extent = extent
    let step = extent.step
    let (n, m) = (step.tokensIn, step.tokensOut)
    func rows(_ tensor: Tensor, _ tokens: Int, _ width: Int) -> Tensor {
      tensor.view(Shape(batchSize, tokens, width))
    }
    func row(_ tensor: Tensor, _ tokens: Int) -> Tensor { tensor.view(Shape(batchSize, tokens)) }
    let (from, into) =
      writesSecond
      ? (buffers.streams.0, buffers.streams.1) : (buffers.streams.1, buffers.streams.0)
    input = rows(from, n, extent.width)
    output = rows(into, m, extent.width)
    assignment = TokenAssignment(
      offsets: buffers.offsets, sources: buffers.sources, batchSize: batchSize, tokensIn: n,
      tokensOut: m, fusesLast: composition.disposal.extraTokens > 0)
    scores = row(buffers.scores, n)
    if let (first, second) = buffers.sizes {
      let (old, new) = writesSecond ? (first, second) : (second, first)
      sizes = (before: row(old, n), after: row(new, m))
    } else {
      sizes = nil
    }
    let inputs = composition.inputs
    let classAttention =
      !inputs.classAttention
      ? nil : composition.scoreKernel == .classAttention ? scores : row(buffers.classAttention, n)
    let received = inputs.received == nil ? nil : row(buffers.received, n)
    statistics =
      classAttention == nil && received == nil
      ? nil
      : AttentionStatistics(
        classAttention: classAttention, receivedAttention: received,
        headReduction: inputs.received?.heads ?? .mean,
        prefixTokens: inputs.received?.skipsPrefix == false ? 0 : extent.prefixTokens)
    map = inputs.map ? buffers.map?.view(Shape(batchSize, extent.heads, n, n)) : nil
    outputMap =
      step.position == .insideAttention
      ? buffers.outputMap?.view(Shape(batchSize, extent.heads, m, m)) : nil
    beforeBranch = inputs.branch ? buffers.beforeBranch.map { rows($0, n, extent.width) } : nil
    self.qkv = inputs.projections ? rows(qkv, n, 3 * extent.width) : nil
  }
}

/// The memory that the reductions of a pass share, sized for the first and largest.
struct ReductionBuffers {
  /// Two streams, of which each reduction reads one and writes the other.
  let streams: (Tensor, Tensor)
  let sizes: (Tensor, Tensor)?
  let scores: Tensor
  let classAttention: Tensor
  let received: Tensor
  let offsets: Tensor
  let sources: Tensor
  let map: Tensor?
  let outputMap: Tensor?
  let beforeBranch: Tensor?
  /// ToMe's and the tail-effect score's kernels'.
  let featureScores: Tensor
  let metric: Tensor?
  let nodeMaximum: Tensor?

  init(
    _ composition: Composition, _ a: ViTArchitecture, batchSize: Int, on device: any Backend
  ) throws {
    let n = a.tokens
    let reduces = !composition.steps.isEmpty
    let inputs = reduces ? composition.inputs : ReductionInputs()
    func stream() throws -> Tensor {
      try device.allocate(Shape(batchSize, n, a.embedDim), device.activationType)
    }
    func map(_ isNeeded: Bool) throws -> Tensor? {
      isNeeded ? try device.allocate(Shape(batchSize, a.numHeads, n, n), .float32) : nil
    }
    func row(_ isNeeded: Bool, _ width: Int, _ dtype: DType = .float32) throws -> Tensor {
      try device.allocate(isNeeded ? Shape(batchSize, width) : Shape(1, 1), dtype)
    }
    let first = try stream()
    streams = (first, reduces ? try stream() : first)
    let counts = reduces && composition.disposal.tracksSizes
    sizes = counts ? (try row(true, n), try row(true, n)) : nil
    scores = try row(reduces, n)
    classAttention = try row(
      inputs.classAttention && composition.scoreKernel != .classAttention, n)
    received = try row(inputs.received != nil, n)
    offsets = try row(reduces, n + 1, .int32)
    sources = try row(reduces, n, .int32)
    self.map = try map(inputs.map)
    outputMap = try map(reduces && composition.disposal.positions == [.insideAttention])
    beforeBranch = inputs.branch ? try stream() : nil
    let kernel = reduces ? composition.disposalKernel : nil
    let matches = kernel == .mergePairs || kernel == .mergeIntoKept
    metric = matches ? try device.allocate(Shape(batchSize, n, a.headDim), .float32) : nil
    nodeMaximum = kernel == .mergePairs ? try row(true, (n + 1) / 2) : nil
    var features = false
    if case .tailEffect(let score)? = composition.scoreKernel { features = score.feature != nil }
    featureScores = try row(reduces && features, n)
  }
}
