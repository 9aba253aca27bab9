import Tensors
import TokenReduction

/// Carries a composition out: owns the token streams, sizes and scores of one forward pass.
///
/// Where the device has kernels for the score and the disposal they run; else their references do,
/// on the host.
final class Reducer {
  private let composition: Composition
  private let device: any Backend
  private let batchSize: Int
  private let heads: Int
  private let headDim: Int
  private let embedDim: Int
  private let prefixTokens: Int
  private let buffers: ReductionBuffers
  private let host: HostReduction
  /// By block and position.
  private var steps: [PreparedStep?]
  private var beginning: HostStep?
  /// Sizes of the stream after the steps so far; `nil` before the first.
  private var currentSizes: Tensor?

  init(
    _ composition: Composition, _ model: VisionTransformer, qkv: Tensor, batchSize: Int,
    on device: any Backend
  ) throws {
    let a = model.architecture
    self.composition = composition
    self.device = device
    self.batchSize = batchSize
    heads = a.numHeads
    headDim = a.headDim
    embedDim = a.embedDim
    prefixTokens = a.prefixTokens
    let buffers = try ReductionBuffers(composition, a, batchSize: batchSize, on: device)
    self.buffers = buffers
    let extents = composition.steps.enumerated().map { ordinal, step in
      StepExtent(
        step: step, ordinal: ordinal, geometry: composition.geometry, width: a.embedDim,
        heads: a.numHeads)
    }
    let prepared = extents.map {
      PreparedStep(
        $0, buffers, composition, qkv: qkv, batchSize: batchSize,
        writesSecond: $0.ordinal.isMultiple(of: 2))
    }
    steps = Array(repeating: nil, count: a.depth * ReductionStep.Position.allCases.count)
    let runsScore = composition.score != nil && composition.scoreKernel == nil
    let runsDisposal = composition.disposalKernel == nil
    let isUsed =
      !extents.isEmpty && (runsScore || runsDisposal || composition.disposal.changesMap)
    let host = try HostReduction(
      composition, extents, batchSize: batchSize, isUsed: isUsed, device: device.name)
    self.host = host
    for step in prepared {
      (step.constants, step.scoreConstants) = try model.constants(
        step.extent, composition, isDryRun: device.isDryRun)
      if runsScore || runsDisposal {
        step.onHost = host.step(
          step, batchSize: batchSize, scores: runsScore, reduces: runsDisposal)
      }
      if composition.disposal.changesMap {
        step.changesMap = host.changeMap(step, batchSize: batchSize)
      }
      steps[Self.place(step.step.block, step.step.position)] = step
    }
    if runsDisposal { beginning = prepared.first.flatMap { host.begin($0, batchSize: batchSize) } }
  }

  private static func place(_ block: Int, _ position: ReductionStep.Position) -> Int {
    let place =
      switch position {
      case .beforeBlock: 0
      case .insideAttention: 1
      case .insideBlock: 2
      case .afterBlock: 3
      }
    return 4 * block + place
  }

  /// The step of a block at a position, if any; none after the last block.
  func step(_ block: Int, _ position: ReductionStep.Position) -> PreparedStep? {
    let place = Self.place(block, position)
    return place < steps.count ? steps[place] : nil
  }

  /// The stream that a pass begins with; forgets the last pass.
  func begin(tokens: Int, _ context: PassContext) -> Tensor {
    host.imageKeys = context.imageKeys
    currentSizes = nil
    if let sizes = buffers.sizes { device.resetSizes(sizes.0.view(Shape(batchSize, tokens))) }
    return buffers.streams.0.view(Shape(batchSize, tokens, embedDim))
  }

  /// Lets the disposal see the embedded tokens.
  func beginEmbedded() {
    if let beginning { device.runOnHost(beginning) }
  }

  /// Sizes for proportional attention: from the first step on.
  var attentionSizes: Tensor? { composition.proportionalAttention ? currentSizes : nil }

  /// The stream after a step.
  ///
  /// `qkv` [B, N, 3C] of the step's block is there for every step inside a block.
  func reduce(
    _ prepared: PreparedStep, qkv: Tensor?, findings: AttentionFindings, _ context: PassContext
  ) -> Tensor {
    writeScores(prepared, qkv: qkv, findings, context)
    var maxima: Tensor?
    switch composition.disposalKernel {
    case .drop: select(prepared, qkv: qkv, findings, fuse: false, .mean)
    case .fuse(let weighting): select(prepared, qkv: qkv, findings, fuse: true, weighting)
    case .mergeIntoKept: merge(prepared, qkv: qkv, nodeMaximum: nil)
    case .mergePairs:
      maxima = buffers.nodeMaximum?.view(Shape(batchSize, (prepared.step.tokensIn + 1) / 2))
      merge(prepared, qkv: qkv, nodeMaximum: maxima)
    case nil:
      if let work = prepared.onHost { device.runOnHost(work) }
    }
    currentSizes = prepared.sizes?.after
    context.onReduction?(
      ReductionEvent(
        step: prepared.step, before: prepared.input, after: prepared.output,
        assignment: prepared.assignment,
        scores: composition.disposalKernel == .mergePairs ? nil : prepared.scores,
        nodeMaximum: maxima, sizes: prepared.sizes?.after))
    return prepared.output
  }

  /// What the disposal reads; a kernel that takes the score's origin writes it itself.
  private func writeScores(
    _ prepared: PreparedStep, qkv: Tensor?, _ findings: AttentionFindings, _ context: PassContext
  ) {
    let selects = takesOrigin
    switch composition.scoreKernel {
    case .random(let seed):
      device.randomScores(seed: seed, imageKeys: context.imageKeys, into: prepared.scores)
    case .classAttention: break
    case .tailEffect:
      if !selects {
        device.score(
          origin(prepared, qkv: qkv, findings), prefixTokens: prefixTokens, into: prepared.scores)
      }
    case nil:
      if let received = findings.received { device.complete(received) }
      if composition.disposalKernel != nil, let work = prepared.onHost { device.runOnHost(work) }
    }
  }

  private var takesOrigin: Bool {
    switch composition.disposalKernel {
    case .drop, .fuse: true
    case .mergeIntoKept, .mergePairs, nil: false
    }
  }

  private func select(
    _ prepared: PreparedStep, qkv: Tensor?, _ findings: AttentionFindings, fuse: Bool,
    _ weighting: TokenWeighting
  ) {
    device.reduce(
      TokenSelection(
        stream: prepared.input, score: origin(prepared, qkv: qkv, findings),
        scores: prepared.scores, prefixTokens: prefixTokens,
        keep: prepared.step.tokensOut - prefixTokens - (fuse ? 1 : 0), fuse: fuse,
        weighting: weighting, assignment: prepared.assignment, output: prepared.output))
  }

  /// All but the tail-effect score are in the scores already.
  private func origin(
    _ prepared: PreparedStep, qkv: Tensor?, _ findings: AttentionFindings
  ) -> ScoreOrigin {
    guard case .tailEffect(let score)? = composition.scoreKernel else { return .given }
    var features: FeatureOperands?
    if let qkv, let feature = score.feature {
      features = FeatureOperands(
        qkv: qkv, heads: heads, feature: feature, reduction: score.featureHeads,
        scores: buffers.featureScores.view(prepared.scores.shape))
    }
    return .tailEffect(
      attention: score.usesAttention ? findings.received : nil, features: features,
      normalization: score.normalization)
  }

  private func merge(_ prepared: PreparedStep, qkv: Tensor?, nodeMaximum: Tensor?) {
    guard let metric = buffers.metric, let qkv else { return }
    let step = prepared.step
    let keys = metric.view(Shape(batchSize, step.tokensIn, headDim))
    device.keyMetric(qkv, heads: heads, into: keys)
    if let nodeMaximum {
      device.matchBipartite(
        keys, prefixTokens: prefixTokens, r: step.tokensIn - step.tokensOut,
        nodeMaximum: nodeMaximum, into: prepared.assignment)
    } else {
      device.selectAndMatch(
        prepared.scores, metric: keys, prefixTokens: prefixTokens,
        keep: step.tokensOut - prefixTokens, into: prepared.assignment)
    }
    device.assemble(
      prepared.input, prepared.assignment, weighting: .size, scores: prepared.scores,
      sizes: prepared.sizes?.before, into: prepared.output, outputSizes: prepared.sizes?.after)
  }
}
