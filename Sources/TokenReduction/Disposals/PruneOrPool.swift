import Records

/// PPT: images whose scores vary little merge their closest pairs, other images drop the tokens
/// with the lowest scores; both remove the same number.
///
/// The variance has the divisor n − 1, over scores of sum 1: its scale depends on the number of
/// tokens, and the published threshold 7e-5 belongs to 196 patches. Source: Wu et al., "PPT",
/// arXiv:2310.01812.
package struct PruneOrPool: TokenDisposal {
  package static let name = "prune_or_pool"
  package static let summary =
    "per image: merges the closest pairs where the scores vary little, else drops the lowest"
  package static let parameters = [
    MethodParameter(
      "tau", .number(minimum: 0, exclusiveMinimum: false, maximum: 1e6), default: .number(7e-5),
      "images with a lower variance of scores merge tokens, the others drop them")
  ]

  package let tau: Float

  package init(_ values: ParameterValues) { tau = Float(values.double("tau")) }

  package var takesScore: Bool { true }
  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var tracksSizes: Bool { true }
  package func maxRemoved(of patches: Int) -> Int { patches / 2 }

  package func scratchFloats(_ extent: StepExtent) -> Int { PairMatching.scratchFloats(extent) }

  package func reduce(_ image: ImageStep) {
    let patches = image.tokensIn - image.prefix
    var (sum, squares) = (0.0, 0.0)
    for token in image.prefix..<image.tokensIn { sum += Double(image.scores[token]) }
    for token in image.prefix..<image.tokensIn {
      let difference = Double(image.scores[token]) - sum / Double(patches)
      squares += difference * difference
    }
    guard Float(squares / Double(max(1, patches - 1))) < tau else {
      image.rankPatches(into: image.integers)
      var list = image.list()
      for rank in 0..<(image.tokensOut - image.prefix) { list.append(Int(image.integers[rank])) }
      list.end()
      return image.merge()
    }
    let r = image.tokensIn - image.tokensOut
    let matching = PairMatching(image)
    matching.matchKeys(r: r)
    matching.write(r: r, joining: true)
    image.merge()
  }
}
