import CKernels

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

  package func scratchFloats(_ extent: StepExtent) -> Int { ImageStep.classRowFloats(extent) }

  package func writeScores(_ image: ImageStep) {
    let (n, rows) = (image.tokensIn, image.scratch)
    image.writeClassRows(into: rows)
    let lengths = rows + image.heads * n
    image.scores.update(repeating: 0, count: n)
    for head in 0..<image.heads {
      lab_row_squares(
        image.feature(.value, 0) + head * image.headDim, n, image.headDim, 3 * image.width, lengths)
      for token in image.prefix..<n {
        image.scores[token] += rows[head * n + token] * lengths[token].squareRoot()
      }
    }
    var sum: Float = 1e-6
    for token in image.prefix..<n { sum += image.scores[token] }
    for token in image.prefix..<n { image.scores[token] /= sum }
  }
}
