/// Class attention times the length of the value: `Σ_h A_h[cls, j] · |v_j|`, the length over all
/// heads together, divided by the sum over the patch tokens.
///
/// Source: Wu et al., "PPT: Token Pruning and Pooling", arXiv:2310.01812.
package struct ClassValueScore: TokenScore {
  package static let name = "class_value"
  package static let summary = "class attention times the length of the value"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var readsClassToken: Bool { true }

  package func scratchFloats(_ extent: StepExtent) -> Int { extent.heads * extent.step.tokensIn }

  package func writeScores(_ image: ImageStep) {
    image.writeClassRows(into: image.scratch)
    var sum: Float = 0
    for token in image.prefix..<image.tokensIn {
      var attention: Float = 0
      for head in 0..<image.heads { attention += image.scratch[head * image.tokensIn + token] }
      image.scores[token] = attention * length(image.feature(.value, token), image.width)
      sum += image.scores[token]
    }
    for token in image.prefix..<image.tokensIn { image.scores[token] /= sum }
  }
}
