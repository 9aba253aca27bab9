/// ToMe: the pairs of even and odd tokens with the most similar keys are merged, weighted by size.
///
/// Under `compose` it is `"score": "key_similarity", "disposal": "merge"`.
package struct MergePairs: TokenDisposal {
  package static let name = "merge_pairs"
  package static let summary = "merges the most similar pairs of even and odd tokens"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var tracksSizes: Bool { true }
  package func maxRemoved(of patches: Int) -> Int { patches / 2 }
  package var kernel: DisposalKernel? { .mergePairs }

  package func scratchFloats(_ extent: StepExtent) -> Int { PairMatching.scratchFloats(extent) }

  package func reduce(_ image: ImageStep) {
    let r = image.tokensIn - image.tokensOut
    let matching = PairMatching(image)
    matching.matchKeys(r: r)
    matching.write(r: r, joining: true)
    image.merge()
  }
}
