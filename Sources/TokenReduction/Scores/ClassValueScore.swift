import CKernels

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

  package func scratchFloats(_ extent: StepExtent) -> Int { ImageStep.classRowFloats(extent) }

  package func writeScores(_ image: ImageStep) {
    let (n, rows) = (image.tokensIn, image.scratch)
    image.writeClassRows(into: rows)
    let lengths = rows + image.heads * n
    lab_row_squares(image.feature(.value, 0), n, image.width, 3 * image.width, lengths)
    var sum: Float = 0
    for token in image.prefix..<n {
      var attention: Float = 0
      for head in 0..<image.heads { attention += rows[head * n + token] }
      image.scores[token] = attention * lengths[token].squareRoot()
      sum += image.scores[token]
    }
    for token in image.prefix..<n { image.scores[token] /= sum }
  }
}
