/// The class token's attention, averaged over heads.
package struct ClassAttentionScore: TokenScore {
  package static let name = "class_attention"
  package static let summary = "mean over heads of what the class token attends to"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var inputs: ReductionInputs { ReductionInputs(classAttention: true) }
  package var kernel: ScoreKernel? { .classAttention }

  package func writeScores(_ image: ImageStep) {
    guard let attention = image.classAttention else { return }
    image.scores.update(from: attention, count: image.tokensIn)
  }
}
