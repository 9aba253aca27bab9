import Tensors

extension CUDABackend {
  package func selectTokens(
    _ scores: Tensor, prefixTokens: Int, keep: Int, fuse: Bool, into assignment: TokenAssignment
  ) {
    rank(
      scores, prefixTokens, assignment, fuse: fuse, offsets: assignment.offsets,
      sources: assignment.sources.storage.address)
  }

  /// Sorts the tokens of every image by score.
  private func rank(
    _ scores: Tensor, _ prefixTokens: Int, _ assignment: TokenAssignment, fuse: Bool,
    offsets: Tensor?, sources: UnsafeMutableRawPointer
  ) {
    let tokens = assignment.tokensIn
    launch(
      "select_tokens", grid: (Self.blocks(tokens, 64), assignment.batchSize, 1), block: 256,
      shared: 4 * tokens, .tensor(scores), .int(prefixTokens), .int(tokens),
      .int(assignment.tokensOut), .int(fuse ? 1 : 0), .tensor(offsets), .address(sources))
  }

  /// The maximum number of tokens that each block of `reduce_tokens` sorts on its own.
  static let maxRankedAgain = 512

  package func reduce(_ selection: TokenSelection) {
    let assignment = selection.assignment
    let (tokens, after) = (assignment.tokensIn, assignment.tokensOut)
    // Sorting many tokens once is faster; and a maximum over the batch must be known before any
    // scores are.
    guard tokens <= Self.maxRankedAgain, !selection.score.needsBatch else {
      return reduceByParts(selection)
    }
    var (partials, rowBlocks, average): (UnsafeMutableRawPointer?, Int, Int) = (nil, 0, 1)
    var features: Tensor?
    if case .tailEffect(let attention, let feature, _) = selection.score {
      features = feature?.scores
      if let pending = attention?.pending {
        rowBlocks = launchPartials(pending, features: feature)
        (partials, average) = (scratch(\.partials), pending.headsToAverage)
      } else if let feature {
        featureScores(
          feature.qkv, heads: feature.heads, feature: feature.feature,
          reduction: feature.reduction, into: feature.scores)
      }
    }
    let (stream, width) = (selection.stream, selection.stream.shape[2])
    let fused = selection.fuse ? Self.blocks(width, 64) : 0
    let plain = Self.blocks(after - (selection.fuse ? 1 : 0), 8)
    launch(
      "reduce_tokens" + suffix, grid: (plain + fused, assignment.batchSize, 1), block: 256,
      shared: 2112 + 12 * ((tokens + 3) / 4 * 4), .tensor(stream), .tensor(selection.scores),
      .address(partials), .int(rowBlocks), .int(average), .tensor(features),
      .int(selection.prefixTokens), .int(tokens), .int(after), .int(selection.weighting.kernelMode),
      .tensor(assignment.offsets), .tensor(assignment.sources), .tensor(selection.output),
      .int(width), .int(fused))
  }

  package func selectAndMatch(
    _ scores: Tensor, metric: Tensor, prefixTokens: Int, keep: Int,
    into assignment: TokenAssignment
  ) {
    let (tokens, width, batch) = (assignment.tokensIn, metric.shape[2], assignment.batchSize)
    let firstRemoved = prefixTokens + keep
    let (order, partner) = (scratch(\.order), scratch(\.partner))
    rank(scores, prefixTokens, assignment, fuse: false, offsets: nil, sources: order)
    launch(
      "match_kept", grid: (Self.blocks(tokens - firstRemoved, 16), batch, 1), block: 256,
      shared: 320 * (width + 1), .tensor(metric), .address(order), .int(firstRemoved),
      .int(prefixTokens), .int(tokens), .int(width), .address(partner))
    launch(
      "kept_lists", grid: (batch, 1, 1), block: 256, shared: 4 * (tokens + 16), .address(order),
      .address(partner), .int(firstRemoved), .int(tokens), .tensor(assignment.offsets),
      .tensor(assignment.sources))
  }

  package func matchBipartite(
    _ metric: Tensor, prefixTokens: Int, r: Int, nodeMaximum: Tensor,
    into assignment: TokenAssignment
  ) {
    let (tokens, width, batch) = (assignment.tokensIn, metric.shape[2], assignment.batchSize)
    let even = (tokens + 1) / 2
    let partner = scratch(\.partner)
    launch(
      "match_bipartite", grid: (Self.blocks(even, 16), batch, 1), block: 256,
      shared: 320 * (width + 1), .tensor(metric), .int(prefixTokens), .int(tokens),
      .int(width), .tensor(nodeMaximum), .address(partner))
    launch(
      "bipartite_lists", grid: (batch, 1, 1), block: 256, shared: 4 * (3 * even + 16),
      .tensor(nodeMaximum), .address(partner), .int(prefixTokens), .int(tokens), .int(r),
      .tensor(assignment.offsets), .tensor(assignment.sources))
  }

  package func assemble(
    _ tokens: Tensor, _ assignment: TokenAssignment, weighting: TokenWeighting, scores: Tensor?,
    sizes: Tensor?, into output: Tensor, outputSizes: Tensor?
  ) {
    let (before, after, width) = (assignment.tokensIn, assignment.tokensOut, tokens.shape[2])
    // A fused token has many sources, which several blocks share; merged tokens have few.
    let fused = weighting == .size || !assignment.fusesLast ? 0 : Self.blocks(width, 64)
    let rows = Self.blocks(after - (fused > 0 ? 1 : 0), 8)
    launch(
      "assemble" + suffix, grid: (rows + fused, assignment.batchSize, 1), block: 256,
      shared: 2112, .tensor(tokens), .tensor(assignment.offsets), .tensor(assignment.sources),
      .int(weighting.kernelMode), .tensor(scores), .tensor(sizes), .tensor(output),
      .tensor(outputSizes),
      .int(before), .int(after), .int(width), .int(fused))
  }
}

extension TokenWeighting {
  /// The value that the kernels use.
  fileprivate var kernelMode: Int {
    switch self {
    case .mean: 0
    case .size: 1
    case .score: 2
    }
  }
}

extension ScoreOrigin {
  /// Whether the scores of an image depend on the other images of the batch.
  fileprivate var needsBatch: Bool {
    if case .tailEffect(let attention, _, .batch) = self { attention != nil } else { false }
  }
}
