/// Class attention times the length of the value, head by head: `Σ_h A_h[cls, j] · |V_h[j]|`,
/// divided by the sum over the patch tokens plus 1e-6.
///
/// Source: Fayyaz et al., "Adaptive Token Sampling", arXiv:2111.15667; as `TokenReduction` runs it.
package struct ClassHeadValueScore: TokenScore {
  package static let name = "class_head_value"
  package static let summary = "class attention times the length of the value, head by head"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var readsClassToken: Bool { true }

  package func scratchFloats(_ extent: StepExtent) -> Int { extent.heads * extent.step.tokensIn }

  package func writeScores(_ image: ImageStep) {
    image.writeClassRows(into: image.scratch)
    var sum: Float = 1e-6
    for token in image.prefix..<image.tokensIn {
      var score: Float = 0
      for head in 0..<image.heads {
        score +=
          image.scratch[head * image.tokensIn + token]
          * length(image.feature(.value, token) + head * image.headDim, image.headDim)
      }
      image.scores[token] = score
      sum += score
    }
    for token in image.prefix..<image.tokensIn { image.scores[token] /= sum }
  }
}
