/// One reduction of a forward pass.
package struct ReductionStep: Hashable, Sendable {
  /// Where in a block tokens are removed.
  package enum Position: String, CaseIterable, Hashable, Sendable {
    case beforeBlock
    /// Before the attention map is applied to the values: tokens and map are reduced.
    case insideAttention
    /// Between the attention residual and the MLP.
    case insideBlock
    /// After the MLP.
    case afterBlock
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

/// A method as a combination of three choices, with every token count known before the first pass.
package struct Composition: Hashable, Sendable {
  /// `nil` if the disposal chooses the tokens itself.
  package let score: (any TokenScore)?
  package let disposal: any TokenDisposal
  /// In order; a step may keep the count and still change the tokens.
  package let steps: [ReductionStep]
  /// Adds `log(size)` to the attention logits from the first step on.
  package let proportionalAttention: Bool
  package let geometry: TokenGeometry
  /// Whether scores and disposals run as their reference on the host even if there are kernels.
  package var usesReferences = false
  /// Whether every block writes its attention map to memory although nothing reads it.
  package var explicitAttention = false

  package init(
    score: (any TokenScore)?, disposal: any TokenDisposal, steps: [ReductionStep],
    proportionalAttention: Bool = false, geometry: TokenGeometry
  ) {
    self.score = score
    self.disposal = disposal
    self.steps = steps
    self.proportionalAttention = proportionalAttention
    self.geometry = geometry
  }

  package static func == (left: Composition, right: Composition) -> Bool {
    left.parts == right.parts
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(parts) }

  private var parts: [AnyHashable] {
    [
      score.map { AnyHashable($0) } ?? AnyHashable(false), AnyHashable(disposal), steps,
      proportionalAttention, geometry, usesReferences, explicitAttention,
    ]
  }

  /// The composition that removes no token.
  package static func unreduced(_ geometry: TokenGeometry) -> Composition {
    Composition(score: nil, disposal: Drop(), steps: [], geometry: geometry)
  }

  /// Tokens that leave each of the `depth` blocks, prefix included.
  package var tokensAfterBlocks: [Int] {
    var tokens = geometry.tokens
    return (0..<geometry.depth).map { block in
      for step in steps where step.block == block { tokens = step.tokensOut }
      return tokens
    }
  }

  /// Whether the result for an image depends on the other images of its batch.
  package var dependsOnBatch: Bool { !steps.isEmpty && score?.dependsOnBatch == true }

  /// Whether images keep different numbers of tokens, the shorter ones padded.
  package var padsImages: Bool { !steps.isEmpty && disposal.padsImages }

  /// Whether the score reads the class token's attention.
  package var readsClassToken: Bool { !steps.isEmpty && score?.readsClassToken == true }

  /// The number of leading blocks that compute the same as without reduction.
  ///
  /// 0 if something reads the embedded tokens; the depth if nothing is reduced.
  package var unreducedBlocks: Int {
    guard !explicitAttention, disposal.stateFloats(geometry) == 0 else { return 0 }
    guard let first = steps.first else { return geometry.depth }
    // A score before a block reads the attention of the block before it.
    return first.position == .beforeBlock && inputs.readsAttention
      ? max(0, first.block - 1) : first.block
  }

  /// What the steps read from their blocks.
  package var inputs: ReductionInputs {
    (score?.inputs ?? ReductionInputs()).union(disposal.inputs)
  }

  /// The devices' kernels of the score and the disposal; `nil` runs the reference.
  package var scoreKernel: ScoreKernel? { usesReferences ? nil : score?.kernel }
  package var disposalKernel: DisposalKernel? { usesReferences ? nil : disposal.kernel }

  /// The step of a block at a position, if any.
  package func step(block: Int, position: ReductionStep.Position) -> ReductionStep? {
    steps.first { $0.block == block && $0.position == position }
  }
}

/// What a schedule needs to know about a model.
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

  /// The geometry of a model without tokens.
  package static let none = TokenGeometry(tokens: 0, prefixTokens: 0, depth: 0)

  package var patchTokens: Int { tokens - prefixTokens }
}
