/// How values are reduced over attention heads.
package enum HeadReduction: String, CaseIterable, Hashable, Sendable {
  case max, mean, sum
}

/// Which third of the fused projection a score reads.
package enum AttentionFeature: Int, Hashable, Sendable {
  case query = 0
  case key = 1
  case value = 2
}

/// Over what the maximum is taken that the attention term of the tail-effect score is divided by.
package enum ScoreNormalization: String, CaseIterable, Hashable, Sendable {
  /// Per image: a prediction does not depend on the other images of the batch.
  case image
  /// Over the whole batch, as the authors' code does.
  case batch
}

/// The statistics of an attention that a score needs; each is computed if a buffer is given.
package struct AttentionStatistics {
  /// Mean over heads of the class token's row, [B, N].
  package var classAttention: Tensor?
  /// `Σ_{i ≥ P} reduce_h A[h, i, j]`, [B, N].
  package var receivedAttention: Tensor?
  package var headReduction: HeadReduction
  package var prefixTokens: Int

  package init(
    classAttention: Tensor?, receivedAttention: Tensor?, headReduction: HeadReduction,
    prefixTokens: Int
  ) {
    self.classAttention = classAttention
    self.receivedAttention = receivedAttention
    self.headReduction = headReduction
    self.prefixTokens = prefixTokens
  }
}

/// What an attention returns besides its output: the values that a reduction reads.
package struct AttentionFindings {
  /// Mean over heads of the class token's row, [B, N].
  package let classAttention: Tensor?
  package let received: ReceivedAttention?

  package init(classAttention: Tensor?, received: ReceivedAttention?) {
    self.classAttention = classAttention
    self.received = received
  }

  /// The result of an attention from which no statistics were requested.
  package static var none: AttentionFindings {
    AttentionFindings(classAttention: nil, received: nil)
  }
}

/// Received attention of the tokens, [B, N]; possibly still partial sums.
///
/// A device may leave the summation to the operation that reads it, which can do it in its own
/// kernel. Such a value is valid until the device's next attention; `ReductionOps.complete` writes
/// the sums.
package struct ReceivedAttention {
  /// What a device needs to complete the sums later.
  package struct Pending {
    package let qkv: Tensor
    package let tokenSize: Tensor?
    package let heads: Int
    /// The scale of the logits, in the form that the device's kernels use.
    package let scale: Float
    package let headReduction: HeadReduction
    package let prefixTokens: Int

    package init(
      qkv: Tensor, tokenSize: Tensor?, heads: Int, scale: Float, headReduction: HeadReduction,
      prefixTokens: Int
    ) {
      self.qkv = qkv
      self.tokenSize = tokenSize
      self.heads = heads
      self.scale = scale
      self.headReduction = headReduction
      self.prefixTokens = prefixTokens
    }
  }

  package let sums: Tensor
  /// `nil` if the sums are complete.
  package let pending: Pending?

  package init(sums: Tensor, pending: Pending? = nil) {
    self.sums = sums
    self.pending = pending
  }
}

/// The tokens that each new token is made of: a list of sources per output and image.
///
/// Output `o` of image `b` is made of `sources[b, offsets[b, o] ..< offsets[b, o + 1]]`; the
/// sources after the last offset are dropped. All operations are gathers, so every backend computes
/// the same sums in the same order.
package struct TokenAssignment {
  /// Int32 [B, N' + 1].
  package let offsets: Tensor
  /// Int32 [B, N].
  package let sources: Tensor
  package let batchSize: Int
  package let tokensIn: Int
  package let tokensOut: Int
  /// Whether the last token has many sources, which a device may divide among more workers.
  package let fusesLast: Bool

  package init(
    offsets: Tensor, sources: Tensor, batchSize: Int, tokensIn: Int, tokensOut: Int,
    fusesLast: Bool = false
  ) {
    self.fusesLast = fusesLast
    self.offsets = offsets.view(Shape(batchSize, tokensOut + 1))
    self.sources = sources.view(Shape(batchSize, tokensIn))
    self.batchSize = batchSize
    self.tokensIn = tokensIn
    self.tokensOut = tokensOut
  }
}

/// How the sources of one output token are combined.
package enum TokenWeighting: Hashable, Sendable {
  /// Plain mean.
  case mean
  /// Mean weighted by the number of patches in each token (ToMe).
  case size
  /// The last token is the sum weighted by score, not divided by the sum of the weights (EViT); the
  /// others are copied.
  case score
}

/// Where the scores of a step come from.
package enum ScoreOrigin {
  /// Already computed: class attention, random numbers.
  case given
  /// `a / max a + softmax(v)`, also written to memory for observers; either part may be absent.
  case tailEffect(
    attention: ReceivedAttention?, features: FeatureOperands?, normalization: ScoreNormalization)
}

/// What `ReductionOps.featureScores` reads and writes.
package struct FeatureOperands {
  package let qkv: Tensor
  package let heads: Int
  package let feature: AttentionFeature
  package let reduction: HeadReduction
  package let scores: Tensor

  package init(
    qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction, scores: Tensor
  ) {
    self.qkv = qkv
    self.heads = heads
    self.feature = feature
    self.reduction = reduction
    self.scores = scores
  }
}

/// A step that keeps the best patch tokens of [B, N, C], and drops the others or fuses them into
/// one token.
package struct TokenSelection {
  package let stream: Tensor
  package let score: ScoreOrigin
  /// [B, N].
  package let scores: Tensor
  package let prefixTokens: Int
  package let keep: Int
  package let fuse: Bool
  package let weighting: TokenWeighting
  package let assignment: TokenAssignment
  /// [B, N', C].
  package let output: Tensor

  package init(
    stream: Tensor, score: ScoreOrigin, scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool,
    weighting: TokenWeighting, assignment: TokenAssignment, output: Tensor
  ) {
    self.stream = stream
    self.score = score
    self.scores = scores
    self.prefixTokens = prefixTokens
    self.keep = keep
    self.fuse = fuse
    self.weighting = weighting
    self.assignment = assignment
    self.output = output
  }
}
