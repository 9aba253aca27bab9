import Records

/// DiffRate: tokens with the lowest scores are dropped, and some of the others are merged into the
/// most similar kept token.
///
/// `pruned[block]` tokens are not dropped, prefix included; those beyond the step's count are
/// merged. A kept token becomes the plain mean of itself and all that joined it; its size grows by
/// theirs times the cosine, which need not be whole. Similarity is the cosine of the tokens
/// themselves. Source: Chen et al., "DiffRate", ICCV 2023.
package struct JoinMostSimilar: TokenDisposal {
  package static let name = "join_most_similar"
  package static let summary =
    "drops the last by score, and lets others join the kept token most similar to them"
  package static let parameters = [
    MethodParameter(
      "prune", .counts, otherwise: "that of tokens, so that none is dropped",
      "tokens of each block that are not dropped, prefix included; those beyond "
        + "`tokens` are merged")
  ]

  /// By block; `nil` drops none.
  package let pruned: [Int]?

  private init(pruned: [Int]?) { self.pruned = pruned }

  package init(_ values: ParameterValues) {
    pruned = values.has("prune") ? values.integers("prune") : nil
  }

  /// By default, half of the tokens that each step removes are dropped.
  func halving(_ steps: [ReductionStep], isGiven: Bool) -> JoinMostSimilar {
    guard pruned == nil, !isGiven else { return self }
    let depth = (steps.last?.block ?? 0) + 1
    var counts = [Int](repeating: .max, count: depth)
    for step in steps {
      counts[step.block] = step.tokensOut + (step.tokensIn - step.tokensOut) / 2
    }
    return JoinMostSimilar(pruned: counts)
  }

  /// Refuses counts that do not fit the steps.
  func check(_ steps: [ReductionStep], _ geometry: TokenGeometry) throws(ParameterProblem) {
    guard let pruned else { return }
    guard pruned.count == geometry.depth else {
      throw ParameterProblem(
        key: "prune",
        message: "has \(pruned.count) counts; it must have one for each of the model's "
          + "\(geometry.depth) blocks")
    }
    for step in steps where pruned[step.block] < step.tokensOut {
      throw ParameterProblem(
        key: "prune",
        message: "\(pruned[step.block]) at block \(step.block) is below the \(step.tokensOut) "
          + "tokens that leave it")
    }
  }

  package var takesScore: Bool { true }
  package var tracksSizes: Bool { true }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    let (patches, kept) = (extent.patchesIn, extent.patchesOut)
    return FloatRows.floats(patches, width: extent.width) + extent.step.tokensIn
      + ImageStep.productFloats(rows: patches - kept, columns: kept, width: extent.width)
  }

  package func reduce(_ image: ImageStep) {
    let order = image.integers
    let partner = order + image.tokensIn
    image.rankPatches(into: order)
    let kept = image.tokensOut - image.prefix
    let block = image.extent.step.block
    let remaining = min(pruned.map { $0[block] } ?? image.tokensIn, image.tokensIn) - image.prefix
    let similarity = image.scratch
    if remaining > kept {
      let products = similarity + image.tokensIn
      let rows = image.writeDirections(
        of: order, count: remaining,
        into: products
          + ImageStep.productFloats(rows: remaining - kept, columns: kept, width: image.width))
      image.multiply(
        rows[kept..<remaining], rows[0..<kept], into: products,
        then: .maxima(first: 0, best: similarity + kept, index: partner + kept))
    }
    var list = image.list()
    for rank in 0..<kept {
      list.append(Int(order[rank]))
      for other in kept..<max(kept, remaining) where Int(partner[other]) == rank {
        list.add(Int(order[other]))
      }
    }
    list.end()
    image.writeMeans(weights: nil)
    guard let sizes = image.outputSizes else { return }
    for special in 0..<image.prefix { sizes[special] = image.size(special) }
    for rank in 0..<kept { sizes[image.prefix + rank] = image.size(Int(order[rank])) }
    for rank in kept..<max(kept, remaining) {
      sizes[image.prefix + Int(partner[rank])] += image.size(Int(order[rank])) * similarity[rank]
    }
  }
}
