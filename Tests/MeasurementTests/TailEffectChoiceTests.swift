import Foundation
import Support
import Testing

@testable import Measurement

@Suite struct TailEffectChoiceTests {
  private func utility(_ latency: [Int: Double], _ accuracy: [Int: Double]) -> TailEffectUtility {
    TailEffectUtility(latencyByTokens: latency, accuracyByTokens: accuracy)
  }

  @Test func `a choice that every resampled grid makes is certain`() throws {
    let measured = utility([50: 1, 75: 2, 100: 3], [50: 0.2, 75: 0.9, 100: 0.95])
    let choice = try #require(
      measured.choice(alpha: 0.5, resampled: Array(repeating: measured, count: 200)))
    #expect(choice == TailEffectChoice(tokens: 75, range: 75...75, alike: [75]))
    #expect(!choice.isFlat)
  }

  @Test func `if resampled grids disagree, the range contains them and the utility is flat`() throws
  {
    // U is nearly the same for 50 and 75 tokens, and far lower for 100.
    let measured = utility([50: 1, 75: 2, 100: 3], [50: 0.60, 75: 0.94, 100: 0.95])
    var generator = SplitMix64(seed: 4)
    let resampled = (0..<400).map { _ in
      utility(
        [50: 1 + 0.1 * generator.normal(), 75: 2 + 0.1 * generator.normal(), 100: 3],
        [50: 0.60 + 0.02 * generator.normal(), 75: 0.94, 100: 0.95])
    }
    let choice = try #require(measured.choice(alpha: 0.5, resampled: resampled))
    #expect(choice.range == 50...75)
    #expect(choice.alike == [50, 75])
    #expect(choice.isFlat)
  }

  @Test func `without resampled grids of the same counts the uncertainty is unknown`() {
    let measured = utility([50: 1, 75: 2], [50: 0.2, 75: 0.9])
    #expect(measured.choice(alpha: 0.5, resampled: []) == nil)
    #expect(measured.choice(alpha: 0.5, resampled: [utility([50: 1], [50: 1])]) == nil)
  }

  @Test func `accuracies are resampled with the same images for every method`() {
    var generator = SplitMix64(seed: 5)
    let hard = (0..<300).map { $0 % 3 == 0 }
    // The second classifies all images that the first does, and one more.
    var easy = hard
    easy[1] = true
    let shares = ResampledShares.draw([hard, easy], replicates: 300, using: &generator)
    #expect(shares.count == 300)
    #expect(shares.allSatisfy { $0[1] >= $0[0] && $0[1] - $0[0] < 0.03 })
    let mean = shares.reduce(0) { $0 + $1[0] } / 300
    // Five standard errors of the mean.
    let standardError: Double = (2.0 / 9 / 300 / 300).squareRoot()
    #expect(abs(mean - 1.0 / 3) < 5 * standardError)
    #expect(ResampledShares.draw([[], []], replicates: 3, using: &generator) == [])
  }
}
