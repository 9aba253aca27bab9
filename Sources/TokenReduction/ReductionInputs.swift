import Tensors

/// What a score or disposal reads from the block in which it acts, besides the tokens.
package struct ReductionInputs: Hashable, Sendable {
  /// Received attention: how heads are reduced, and which rows and columns count.
  package struct Received: Hashable, Sendable {
    package var heads: HeadReduction
    /// The number of leading tokens whose rows and columns do not count.
    package var skipsPrefix: Bool

    package init(heads: HeadReduction, skipsPrefix: Bool = true) {
      self.heads = heads
      self.skipsPrefix = skipsPrefix
    }
  }

  /// Mean over heads of the class token's attention, [N].
  package var classAttention = false
  /// The sum of the attention that each token receives, [N]; before a block, that of the previous
  /// block.
  package var received: Received?
  /// The fused projection [N, 3C]: queries, keys and values.
  package var projections = false
  /// The whole attention map [H, N, N], which attention then computes explicitly.
  package var map = false
  /// The change across the MLP branch, [N, C], after a block.
  package var branch = false

  package init(
    classAttention: Bool = false, received: Received? = nil, projections: Bool = false,
    map: Bool = false, branch: Bool = false
  ) {
    self.classAttention = classAttention
    self.received = received
    self.projections = projections
    self.map = map
    self.branch = branch
  }

  /// The union of both.
  package func union(_ other: ReductionInputs) -> ReductionInputs {
    ReductionInputs(
      classAttention: classAttention || other.classAttention, received: received ?? other.received,
      projections: projections || other.projections, map: map || other.map,
      branch: branch || other.branch)
  }

  /// Whether attention must return statistics of its weights, which a plain fused attention does
  /// not.
  package var readsAttention: Bool { classAttention || received != nil || map }
}

/// A tensor of a checkpoint that belongs to a method and not to the model, such as a trained
/// predictor.
package struct MethodTensor: Hashable, Sendable {
  package enum Initial: Hashable, Sendable { case normal, zeros, ones }

  package let key: String
  package let shape: [Int]
  /// How it is initialized in random weights.
  package let initial: Initial
  /// Whether it is always initialized randomly, even if the weights contain it.
  package let isDrawn: Bool

  package init(
    _ key: String, _ shape: [Int], _ initial: Initial = .normal, isDrawn: Bool = false
  ) {
    self.isDrawn = isDrawn
    self.key = key
    self.shape = shape
    self.initial = initial
  }

  package var count: Int { shape.reduce(1, *) }
}

/// A step of a pass by its sizes, for what is prepared before the first pass.
package struct StepExtent: Sendable {
  package let step: ReductionStep
  /// Its index among the composition's steps.
  package let ordinal: Int
  package let geometry: TokenGeometry
  package let width: Int
  package let heads: Int

  package init(
    step: ReductionStep, ordinal: Int, geometry: TokenGeometry, width: Int, heads: Int
  ) {
    self.step = step
    self.ordinal = ordinal
    self.geometry = geometry
    self.width = width
    self.heads = heads
  }

  package var prefixTokens: Int { geometry.prefixTokens }
  package var headDim: Int { width / heads }
  package var patchesIn: Int { step.tokensIn - prefixTokens }
  package var patchesOut: Int { step.tokensOut - prefixTokens }
}
