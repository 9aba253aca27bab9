import Tensors

/// How important each patch token is; the first of a method's three choices.
package enum TokenScore: Hashable, Sendable {
  /// Seeded uniform, per image.
  case random(seed: UInt64)
  /// Mean over heads of what the class token attends to.
  case classAttention
  /// Attention received from all patch tokens, plus a feature term; see `TailEffectScore`.
  case tailEffect(TailEffectScore)
  /// Similarity of keys in ToMe's bipartite matching; it chooses pairs, so it goes with `merge`
  /// alone.
  case keySimilarity
}

/// The tail-effect score `a / max a + softmax(v)` with its ablations as parameters.
///
/// `a_j = Σ_i reduce_h A[h, i, j]` over patch rows and columns, `v_j = softmax_j(Σ_c reduce_h V[h,
/// j, c])` over all tokens. Source: "Pruning One More Token is Enough", section 3.3.
package struct TailEffectScore: Hashable, Sendable {
  package var usesAttention: Bool
  /// `nil` leaves the feature term out.
  package var feature: AttentionFeature?
  package var attentionHeads: HeadReduction
  package var featureHeads: HeadReduction
  package var normalization: ScoreNormalization

  package init(
    usesAttention: Bool = true, feature: AttentionFeature? = .value,
    attentionHeads: HeadReduction = .max, featureHeads: HeadReduction = .max,
    normalization: ScoreNormalization = .image
  ) {
    self.usesAttention = usesAttention
    self.feature = feature
    self.attentionHeads = attentionHeads
    self.featureHeads = featureHeads
    self.normalization = normalization
  }
}

/// What happens to the patch tokens that are not kept; the second choice.
package enum TokenDisposal: Hashable, Sendable {
  case drop
  /// One extra token at the end: the plain mean of the others.
  case fuseMean
  /// One extra token at the end: the score-weighted sum of the others, not renormalized.
  case fuseScoreSum
  /// Each into a partner, weighted by size.
  case merge
}

/// One reduction of a forward pass.
package struct ReductionStep: Hashable, Sendable {
  /// Where in a block tokens go.
  package enum Position: String, Hashable, Sendable {
    case beforeBlock
    /// Between the attention residual and the MLP.
    case insideBlock
  }

  /// Zero-based.
  package let block: Int
  package let position: Position
  package let tokensIn: Int
  package let tokensOut: Int

  package init(block: Int, position: Position, tokensIn: Int, tokensOut: Int) {
    self.block = block
    self.position = position
    self.tokensIn = tokensIn
    self.tokensOut = tokensOut
  }
}

/// A method as three choices that compose, with every token count known before the first pass.
package struct Composition: Hashable, Sendable {
  package let score: TokenScore
  package let disposal: TokenDisposal
  /// Steps that remove something, in order.
  package let steps: [ReductionStep]
  /// Adds `log(size)` to the attention logits once tokens are merged.
  package let proportionalAttention: Bool
  package let geometry: TokenGeometry

  package init(
    score: TokenScore, disposal: TokenDisposal, steps: [ReductionStep],
    proportionalAttention: Bool = false, geometry: TokenGeometry
  ) {
    self.score = score
    self.disposal = disposal
    self.steps = steps
    self.proportionalAttention = proportionalAttention
    self.geometry = geometry
  }

  /// The composition that leaves every token.
  package static func unreduced(_ geometry: TokenGeometry) -> Composition {
    Composition(score: .random(seed: 0), disposal: .drop, steps: [], geometry: geometry)
  }

  /// Tokens that leave each of the `depth` blocks, prefix included.
  package var tokensAfterBlocks: [Int] {
    var tokens = geometry.tokens
    return (0..<geometry.depth).map { block in
      for step in steps where step.block == block { tokens = step.tokensOut }
      return tokens
    }
  }

  /// Whether what becomes of an image depends on the others of its batch.
  package var dependsOnBatch: Bool {
    guard case .tailEffect(let score) = score, !steps.isEmpty else { return false }
    return score.usesAttention && score.normalization == .batch
  }

  /// The step of a block at a position, if any.
  package func step(block: Int, position: ReductionStep.Position) -> ReductionStep? {
    steps.first { $0.block == block && $0.position == position }
  }
}

/// What a schedule needs to know of a model.
package struct TokenGeometry: Hashable, Sendable {
  /// Tokens that enter block 0, prefix included.
  package let tokens: Int
  /// Class, distillation and register tokens: never removed by any method.
  package let prefixTokens: Int
  package let depth: Int

  package init(tokens: Int, prefixTokens: Int, depth: Int) {
    self.tokens = tokens
    self.prefixTokens = prefixTokens
    self.depth = depth
  }

  /// That of a model with nothing to reduce.
  package static let none = TokenGeometry(tokens: 0, prefixTokens: 0, depth: 0)

  package var patchTokens: Int { tokens - prefixTokens }
}
