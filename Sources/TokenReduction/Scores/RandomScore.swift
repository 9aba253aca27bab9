import Support
import Tensors

/// Seeded uniform random numbers, per image.
package struct RandomScore: TokenScore {
  package static let name = "random"
  package static let summary = "seeded uniform numbers, per image"

  package let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  package init(_ values: ParameterValues) { seed = UInt64(values.integer("seed")) }

  package var inputs: ReductionInputs { ReductionInputs() }
  package var positions: [ReductionStep.Position] { [.insideBlock, .beforeBlock, .afterBlock] }
  package var kernel: ScoreKernel? { .random(seed: seed) }

  package func writeScores(_ image: ImageStep) {
    var random = SplitMix64(seed: SplitMix64.mix(seed) ^ SplitMix64.mix(image.key &+ 1))
    for token in 0..<image.tokensIn { image.scores[token] = random.nextUniform() }
  }
}
