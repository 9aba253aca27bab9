/// Merges each other token into the kept token with the most similar key, weighted by size.
package struct MergeIntoKept: TokenDisposal {
  package static let name = "merge"
  package static let summary =
    "merges each of the others into the kept token with the most similar key"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var takesScore: Bool { true }
  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var tracksSizes: Bool { true }
  package var kernel: DisposalKernel? { .mergeIntoKept }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    extent.step.tokensIn * (extent.headDim + 1)
      + ImageStep.productFloats(
        rows: extent.patchesIn - extent.patchesOut, columns: extent.patchesOut,
        width: extent.headDim)
  }

  package func reduce(_ image: ImageStep) {
    let (order, keys, d) = (image.integers, image.scratch, image.headDim)
    let partner = order + image.tokensIn
    image.rankPatches(into: order)
    let kept = image.tokensOut - image.prefix
    let patches = image.tokensIn - image.prefix
    let rows = image.writeMeanKeys(of: order, count: patches, into: keys)
    let maxima = keys + image.tokensIn * d
    image.multiply(
      rows[kept..<patches], rows[0..<kept], into: maxima + image.tokensIn,
      then: .maxima(first: 0, best: maxima + kept, index: partner + kept))
    var list = image.list()
    for rank in 0..<kept {
      list.append(Int(order[rank]))
      for other in kept..<patches where Int(partner[other]) == rank { list.add(Int(order[other])) }
    }
    list.end()
    image.merge()
  }
}

/// The first of `count` candidates with the largest similarity, and the similarity; index 0 if all
/// are NaN.
@inline(__always)
func mostSimilar(of count: Int, _ similarity: (Int) -> Float) -> (Int32, Float) {
  var (best, maximum) = (Int32(0), -Float.infinity)
  for candidate in 0..<count {
    let value = similarity(candidate)
    if value > maximum { (best, maximum) = (Int32(candidate), value) }
  }
  return (best, maximum)
}
