import Tensors
import TokenReduction

/// Carries a composition out: owns the token streams, sizes and scores of one forward pass.
struct Reducer {
  private let composition: Composition
  private let backend: any Backend
  private let batchSize: Int
  private let embedDim: Int
  private let heads: Int
  private let headDim: Int
  private let prefixTokens: Int
  /// Two streams, of which each reduction reads one and writes the other.
  private let streams: (Tensor, Tensor)
  private let sizes: (Tensor, Tensor)?
  private let scores: Tensor?
  private let receivedAttention: Tensor?
  private let featureScores: Tensor?
  private let metric: Tensor?
  private let nodeMaximum: Tensor?
  private let offsets: Tensor?
  private let sources: Tensor?
  private var writesSecond = true
  private var hasMerged = false

  init(
    composition: Composition, architecture a: ViTArchitecture, batchSize: Int,
    backend: any Backend
  ) throws {
    self.composition = composition
    self.backend = backend
    self.batchSize = batchSize
    embedDim = a.embedDim
    heads = a.numHeads
    headDim = a.headDim
    prefixTokens = a.prefixTokens
    let tokens = a.tokens
    func buffer(_ needed: Bool, _ width: Int, _ dtype: DType = .float32) throws -> Tensor? {
      needed ? try backend.allocate(Shape(batchSize, width), dtype) : nil
    }
    let reduces = !composition.steps.isEmpty
    let merges = reduces && composition.disposal == .merge
    let type = backend.activationType
    let first = try backend.allocate(Shape(batchSize, tokens, embedDim), type)
    streams = (
      first, reduces ? try backend.allocate(Shape(batchSize, tokens, embedDim), type) : first
    )
    sizes =
      merges
      ? (
        try backend.allocate(Shape(batchSize, tokens), .float32),
        try backend.allocate(Shape(batchSize, tokens), .float32)
      ) : nil
    scores = try buffer(reduces && composition.score != .keySimilarity, tokens)
    let tailEffect: TailEffectScore? =
      if case .tailEffect(let score) = composition.score { score } else { nil }
    receivedAttention = try buffer(reduces && tailEffect?.usesAttention == true, tokens)
    featureScores = try buffer(reduces && tailEffect?.feature != nil, tokens)
    metric =
      merges ? try backend.allocate(Shape(batchSize, tokens, headDim), .float32) : nil
    nodeMaximum = try buffer(
      reduces && composition.score == .keySimilarity, (tokens + 1) / 2)
    offsets = try buffer(reduces, tokens + 1, .int32)
    sources = try buffer(reduces, tokens, .int32)
  }

  /// The stream that a pass begins with; forgets the last pass.
  mutating func begin(tokens: Int) -> Tensor {
    writesSecond = true
    hasMerged = false
    if let sizes { backend.resetSizes(sizes.0.view(Shape(batchSize, tokens))) }
    return streams.0.view(Shape(batchSize, tokens, embedDim))
  }

  /// Sizes for proportional attention: from the first merge on.
  func attentionSizes(tokens: Int) -> Tensor? {
    guard composition.proportionalAttention, hasMerged, let sizes else { return nil }
    return (writesSecond ? sizes.0 : sizes.1).view(Shape(batchSize, tokens))
  }

  /// What the attention of the step's block must hand back.
  func statistics(for step: ReductionStep) -> AttentionStatistics? {
    let shape = Shape(batchSize, step.tokensIn)
    switch composition.score {
    case .classAttention:
      return AttentionStatistics(
        classAttention: scores?.view(shape), receivedAttention: nil, headReduction: .mean,
        prefixTokens: prefixTokens)
    case .tailEffect(let score) where score.usesAttention:
      return AttentionStatistics(
        classAttention: nil, receivedAttention: receivedAttention?.view(shape),
        headReduction: score.attentionHeads, prefixTokens: prefixTokens)
    case .random, .keySimilarity, .tailEffect: return nil
    }
  }

  /// The stream after a step.
  ///
  /// `qkv` [B, N, 3C] of the step's block is there for every step inside a block.
  mutating func reduce(
    _ stream: Tensor, _ step: ReductionStep, qkv: Tensor?, findings: AttentionFindings,
    _ context: PassContext
  ) -> Tensor {
    guard let offsets, let sources else { preconditionFailure("a step of another composition") }
    let assignment = TokenAssignment(
      offsets: offsets, sources: sources, batchSize: batchSize, tokensIn: step.tokensIn,
      tokensOut: step.tokensOut,
      fusesLast: composition.disposal == .fuseMean || composition.disposal == .fuseScoreSum)
    let shape = Shape(batchSize, step.tokensIn)
    let scores = scores?.view(shape)
    let maxima = nodeMaximum?.view(Shape(batchSize, (step.tokensIn + 1) / 2))
    if case .random(let seed) = composition.score, let scores {
      backend.randomScores(seed: seed, imageKeys: context.imageKeys, into: scores)
    }
    let output = (writesSecond ? streams.1 : streams.0).view(
      Shape(batchSize, step.tokensOut, embedDim))
    let sizesIn = sizes.map { (writesSecond ? $0.0 : $0.1).view(shape) }
    let sizesOut = sizes.map {
      (writesSecond ? $0.1 : $0.0).view(Shape(batchSize, step.tokensOut))
    }
    if composition.disposal == .merge {
      if let qkv {
        match(
          step, scores: scores, nodeMaximum: maxima, qkv: qkv, findings: findings,
          into: assignment)
      }
      backend.assemble(
        stream, assignment, weighting: weighting, scores: scores, sizes: sizesIn, into: output,
        outputSizes: sizesOut)
    } else if let scores {
      let fuses = composition.disposal != .drop
      backend.reduce(
        TokenSelection(
          stream: stream, score: score(scores.shape, qkv: qkv, findings), scores: scores,
          prefixTokens: prefixTokens, keep: step.tokensOut - prefixTokens - (fuses ? 1 : 0),
          fuse: fuses, weighting: weighting, assignment: assignment, output: output))
    }
    writesSecond.toggle()
    hasMerged = true
    context.onReduction?(
      ReductionEvent(
        step: step, before: stream, after: output, assignment: assignment, scores: scores,
        nodeMaximum: maxima, sizes: sizesOut))
    return output
  }

  private var weighting: TokenWeighting {
    switch composition.disposal {
    case .drop, .fuseMean: .mean
    case .fuseScoreSum: .score
    case .merge: .size
    }
  }

  /// Class attention is in the scores already: the block's attention wrote it there.
  private func score(
    _ shape: Shape, qkv: Tensor?, _ findings: AttentionFindings
  ) -> ScoreOrigin {
    guard case .tailEffect(let score) = composition.score else { return .given }
    var features: FeatureOperands?
    if let scores = featureScores?.view(shape), let qkv, let feature = score.feature {
      features = FeatureOperands(
        qkv: qkv, heads: heads, feature: feature, reduction: score.featureHeads, scores: scores)
    }
    return .tailEffect(
      attention: score.usesAttention ? findings.received : nil, features: features,
      normalization: score.normalization)
  }

  private func match(
    _ step: ReductionStep, scores: Tensor?, nodeMaximum: Tensor?, qkv: Tensor,
    findings: AttentionFindings, into assignment: TokenAssignment
  ) {
    guard let metric else { return }
    if let scores {
      backend.score(
        score(scores.shape, qkv: qkv, findings), prefixTokens: prefixTokens, into: scores)
    }
    let keys = metric.view(Shape(batchSize, step.tokensIn, headDim))
    backend.keyMetric(qkv, heads: heads, into: keys)
    if let nodeMaximum {
      backend.matchBipartite(
        keys, prefixTokens: prefixTokens, r: step.tokensIn - step.tokensOut,
        nodeMaximum: nodeMaximum, into: assignment)
    } else if let scores {
      backend.selectAndMatch(
        scores, metric: keys, prefixTokens: prefixTokens, keep: step.tokensOut - prefixTokens,
        into: assignment)
    }
  }
}
