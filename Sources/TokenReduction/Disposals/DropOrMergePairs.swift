import Records

/// ToFu: for ToMe's pairs, early blocks drop the even token, and late blocks scale the pair's mean
/// to the larger norm.
///
/// Differs: the paper's MLERP divides by the norm of the mean; the published code by that of the
/// odd token before (`"rescale": "target"`, the default). Sizes are not used. Source: Kim et al.,
/// "Token Fusion", WACV 2024.
package struct DropOrMergePairs: TokenDisposal {
  package static let name = "drop_or_merge_pairs"
  package static let summary =
    "drops the even token of the most similar pairs in the first half, later brings their mean to the larger norm"
  package static let parameters = [
    MethodParameter(
      "rescale", .choice(["target", "mean"]), default: .string("target"),
      "the norm that the mean is divided by: that of the odd token, as in the "
        + "published code, or its own")
  ]

  package let dividesByMean: Bool

  package init(_ values: ParameterValues) { dividesByMean = values.string("rescale") == "mean" }

  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package func maxRemoved(of patches: Int) -> Int { patches / 2 }

  package func scratchFloats(_ extent: StepExtent) -> Int { PairMatching.scratchFloats(extent) }

  package func reduce(_ image: ImageStep) {
    let r = image.tokensIn - image.tokensOut
    let merges = image.extent.step.block > image.extent.geometry.depth / 2
    let matching = PairMatching(image)
    matching.matchKeys(r: r)
    matching.write(r: r, joining: merges)
    image.writeMeans(weights: nil)
    guard merges else { return }
    for index in 0..<image.tokensOut {
      let range = Int(image.offsets[index])..<Int(image.offsets[index + 1])
      guard range.count > 1 else { continue }
      var maximum: Float = 0
      for place in range {
        maximum = max(maximum, length(image.token(Int(image.sources[place])), image.width))
      }
      let target = image.output + index * image.width
      let own = image.token(Int(image.sources[range.lowerBound]))
      let divisor = length(dividesByMean ? UnsafePointer(target) : own, image.width)
      if divisor > 0 { scale(target, by: maximum / divisor, image.width) }
    }
  }
}
