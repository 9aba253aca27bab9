import Records

/// Zero-TPrune's three stages: one vote of the attention map divides the tokens into two halves,
/// the less important tokens of the most similar pairs are dropped, and then the remaining tokens
/// with the lowest scores.
///
/// Differs: the paper computes the score of the last stage on the map of the remaining tokens; here
/// it is computed on the whole map. Source: Wang et al., "Zero-TPrune", CVPR 2024 (no code
/// published).
package struct DropSimilarThenLeast: TokenDisposal {
  package static let name = "drop_similar_then_least"
  package static let summary =
    "drops the less important of the most similar pairs, then the lowest scores"
  package static let parameters = [
    MethodParameter(
      "similar", .integer(minimum: 0, maximum: nil), default: .integer(10),
      "tokens per step that are removed because they are similar to a more important one")
  ]

  package let similar: Int

  package init(similar: Int) { self.similar = similar }
  package init(_ values: ParameterValues) { similar = values.integer("similar") }

  package var takesScore: Bool { true }
  package var inputs: ReductionInputs { ReductionInputs(projections: true, map: true) }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    PairMatching.scratchFloats(extent) + extent.step.tokensIn
      + PageRankScore().scratchFloats(extent)
  }

  package func reduce(_ image: ImageStep) {
    let n = image.tokensIn
    let (first, votes) = (image.scratch, image.scratch + n)
    PageRankScore().write(image, iterations: 1, into: first, scratch: votes)
    let halves = ImportanceHalves(image, scores: first)
    halves.matchKeys(scratch: votes + PageRankScore().scratchFloats(image.extent))
    let gone = min(similar, n - image.tokensOut, halves.patches - halves.upper)
    let isGone = image.integers + 3 * n
    isGone.update(repeating: 0, count: n)
    for pair in 0..<gone { isGone[Int(halves.order[Int(halves.pairs[pair])])] = 1 }
    let order = image.integers + 4 * n
    image.rankPatches(into: order)
    var list = image.list()
    var kept = image.prefix
    for rank in 0..<halves.patches where kept < image.tokensOut && isGone[Int(order[rank])] == 0 {
      list.append(Int(order[rank]))
      kept += 1
    }
    list.end()
    image.writeMeans(weights: nil)
  }
}
