/// Token reduction: scores, selection, matching, and assembling the new tokens.
package protocol ReductionOps: TransformerOps {
  /// Completes the sums of received attention, if they are still partial.
  func complete(_ received: ReceivedAttention)

  /// Uniform scores [B, N] from (seed, key of the image, token), independent of the batch.
  func randomScores(seed: UInt64, imageKeys: UnsafePointer<UInt64>, into scores: Tensor)
  /// `scores[b, j] = Σ_c reduce_h X[b, h, j, c]` of the queries, keys or values.
  func featureScores(
    _ qkv: Tensor, heads: Int, feature: AttentionFeature, reduction: HeadReduction,
    into scores: Tensor)
  /// The tail-effect score `a / max a + softmax(v)` from its parts; either may be absent.
  func combineScores(
    attention: Tensor?, features: Tensor?, prefixTokens: Int, normalization: ScoreNormalization,
    into scores: Tensor)
  /// Sets a size of one for every token of [B, N].
  func resetSizes(_ sizes: Tensor)
  /// Mean over heads of the keys, scaled to length 1. [B, N, 3C] to [B, N, d].
  func keyMetric(_ qkv: Tensor, heads: Int, into metric: Tensor)
  /// Keeps the `keep` best patch tokens after the prefix, in descending order, ties by the lower
  /// index.
  ///
  /// The rest become one additional token at the end (`fuse`), or are dropped as the tail of the
  /// assignment, in the same order.
  func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment)
  /// Keeps the `keep` best patch tokens, and assigns every other one to the kept patch with the
  /// most similar key.
  func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment)
  /// ToMe's bipartite soft matching: the `r` even patch tokens most similar to an odd one are
  /// assigned to it.
  ///
  /// `nodeMaximum` [B, (N + 1) / 2] receives each even token's best similarity.
  func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment)
  /// Builds the tokens that an assignment describes: [B, N, C] to [B, N', C].
  ///
  /// `sizes` [B, N] and `outputSizes` [B, N'] count the patches in each token; both or neither are
  /// given.
  func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?)
  /// A whole step that drops or fuses: scores, selection, new tokens; by default one operation
  /// after another.
  func reduce(_ selection: TokenSelection)
  /// Runs a step without a device kernel on the host; by default on copies.
  func runOnHost(_ step: HostStep)
}

extension ReductionOps {
  package func complete(_ received: ReceivedAttention) {}

  package func runOnHost(_ step: HostStep) { step.run(copyingOn: self) }

  package func reduce(_ selection: TokenSelection) { reduceByParts(selection) }

  /// The separate operations of a step.
  package func reduceByParts(_ selection: TokenSelection) {
    score(selection.score, prefixTokens: selection.prefixTokens, into: selection.scores)
    selectTokens(
      selection.scores, prefixTokens: selection.prefixTokens, keep: selection.keep,
      fuse: selection.fuse, into: selection.assignment)
    assemble(
      selection.stream, selection.assignment, weighting: selection.weighting,
      scores: selection.scores, sizes: nil, into: selection.output, outputSizes: nil)
  }

  /// Computes the scores that are not computed yet.
  package func score(_ origin: ScoreOrigin, prefixTokens: Int, into scores: Tensor) {
    guard case .tailEffect(let attention, let features, let normalization) = origin else { return }
    if let features {
      featureScores(
        features.qkv, heads: features.heads, feature: features.feature,
        reduction: features.reduction, into: features.scores)
    }
    if let attention { complete(attention) }
    combineScores(
      attention: attention?.sums, features: features?.scores, prefixTokens: prefixTokens,
      normalization: normalization, into: scores)
  }
}
