/// Merging by class importance: the less important half of the patch tokens is matched to the other
/// half by key, and the closest pairs are merged, weighted by size.
///
/// ToMe's matching with importance in place of position: an important token is never merged away.
package struct MergeLeastImportant: TokenDisposal {
  package static let name = "merge_least_important"
  package static let summary =
    "matches the half with the lower scores to the other by key, and merges the closest pairs"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var takesScore: Bool { true }
  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var tracksSizes: Bool { true }
  package func maxRemoved(of patches: Int) -> Int { patches / 2 }

  package func scratchFloats(_ extent: StepExtent) -> Int { PairMatching.scratchFloats(extent) }

  package func reduce(_ image: ImageStep) {
    let r = image.tokensIn - image.tokensOut
    let halves = ImportanceHalves(image, scores: image.scores)
    halves.matchKeys(scratch: image.scratch)
    var list = image.list()
    for rank in 0..<halves.upper {
      list.append(Int(halves.order[rank]))
      for pair in 0..<r where Int(halves.partner[Int(halves.pairs[pair])]) == rank {
        list.add(Int(halves.order[Int(halves.pairs[pair])]))
      }
    }
    for rank in halves.upper..<halves.patches where !halves.isMatched(rank, r: r) {
      list.append(Int(halves.order[rank]))
    }
    list.end()
    image.merge()
  }
}

/// Patch tokens by importance, the less important half matched to the other by the cosine of keys.
struct ImportanceHalves {
  let image: ImageStep
  let patches: Int
  /// Tokens of the more important half.
  let upper: Int

  /// Patch tokens by descending score.
  var order: UnsafeMutablePointer<Int32> { image.integers }
  /// The rank in the upper half to which a rank of the lower one is matched.
  var partner: UnsafeMutablePointer<Int32> { image.integers + image.tokensIn }
  /// Ranks of the lower half by descending similarity.
  var pairs: UnsafeMutablePointer<Int32> { image.integers + 2 * image.tokensIn }

  init(_ image: ImageStep, scores: UnsafePointer<Float>) {
    self.image = image
    patches = image.tokensIn - image.prefix
    upper = patches - patches / 2
    image.rank(scores, count: patches, from: image.prefix, into: image.integers)
  }

  /// - Parameter scratch: `PairMatching.scratchFloats` many.
  func matchKeys(scratch keys: UnsafeMutablePointer<Float>) {
    let maxima = keys + image.tokensIn * image.headDim
    let rows = image.writeMeanKeys(of: order, count: patches, into: keys)
    image.multiply(
      rows[upper..<patches], rows[0..<upper], into: maxima + image.tokensIn,
      then: .maxima(first: 0, best: maxima + upper, index: partner + upper))
    image.rank(maxima, count: patches - upper, from: upper, into: pairs)
  }

  func isMatched(_ rank: Int, r: Int) -> Bool {
    for pair in 0..<r where Int(pairs[pair]) == rank { return true }
    return false
  }
}
