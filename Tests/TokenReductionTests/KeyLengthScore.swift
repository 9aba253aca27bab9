import Tensors

@testable import TokenReduction

/// The length of a token's key.
package struct KeyLengthScore: TokenScore {
  package static let name = "key_length"
  package static let summary = "the length of a token's key"

  package init() {}
  package init(_ values: ParameterValues) {}

  package var inputs: ReductionInputs { ReductionInputs(projections: true) }

  package func writeScores(_ image: ImageStep) {
    for token in image.prefix..<image.tokensIn {
      let key = image.feature(.key, token)
      var sum: Float = 0
      for c in 0..<image.width { sum += key[c] * key[c] }
      image.scores[token] = sum.squareRoot()
    }
  }
}
