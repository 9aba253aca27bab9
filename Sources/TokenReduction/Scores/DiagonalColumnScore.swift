/// What a token attends to itself times what it receives: `max_h A_h[j, j] · max_h Σ_i A_h[i, j]`,
/// the two maxima apart, over all rows.
///
/// Source: Xu et al., "GTP-ViT", WACV 2024 (`MixedAttnMax`).
package struct DiagonalColumnScore: TokenScore {
  package static let name = "self_and_received"
  package static let summary = "attention to itself times attention received, each over heads"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var inputs: ReductionInputs { ReductionInputs(map: true) }

  package func scratchFloats(_ extent: StepExtent) -> Int { 2 * extent.step.tokensIn }

  package func writeScores(_ image: ImageStep) {
    guard let map = image.map else { return }
    let n = image.tokensIn
    let (received, sums) = (image.scratch, image.scratch + n)
    received.update(repeating: -.infinity, count: n)
    image.scores.update(repeating: -.infinity, count: n)
    for head in 0..<image.heads {
      let entries = map + head * n * n
      sums.update(repeating: 0, count: n)
      for row in 0..<n { add(1, entries + row * n, to: sums, n) }
      for token in 0..<n {
        received[token] = max(received[token], sums[token])
        image.scores[token] = max(image.scores[token], entries[token * n + token])
      }
    }
    for token in 0..<n { image.scores[token] *= received[token] }
  }
}
