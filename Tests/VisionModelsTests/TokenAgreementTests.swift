import Goldens
import Testing

/// Worked by hand on a class token and five patches.
@Suite struct TokenAgreementTests {
  private static let scores: [Float] = [9, 0.5, 0.500001, 0.3, 0.300001, 0.1]

  private static func step(
    _ sources: [Int], keep: Int, fuse: Bool = false, scores: [Float]? = scores
  ) -> TokenAgreement.Step {
    let offsets = Array(0...keep) + (fuse ? [sources.count] : [])
    return TokenAgreement.Step(offsets: offsets, sources: sources, scores: scores)
  }

  private static func compare(
    _ ours: TokenAgreement.Step, _ theirs: TokenAgreement.Step
  ) -> TokenAgreement {
    var agreement = TokenAgreement()
    agreement.compare(ours, theirs)
    return agreement
  }

  @Test func `nearly equal neighbors may be swapped, and are counted`() {
    let agreement = Self.compare(
      Self.step([0, 1, 2, 4, 3, 5], keep: 5), Self.step([0, 2, 1, 4, 3, 5], keep: 5))
    #expect(agreement.hasSameTokens && agreement.hasSameOrder && !agreement.isUndecided)
    #expect(agreement.nearTies == 2)
  }

  @Test func `a different order of different scores is an error, and so is one without scores`() {
    let (left, right) = ([0, 4, 2, 1, 3, 5], [0, 2, 4, 1, 3, 5])
    #expect(!Self.compare(Self.step(left, keep: 5), Self.step(right, keep: 5)).hasSameOrder)
    #expect(
      !Self.compare(
        Self.step(left, keep: 5, scores: nil), Self.step(right, keep: 5, scores: nil)
      ).hasSameOrder)
  }

  @Test func `different tokens are an error unless a near tie decided`() {
    let theirs = Self.step([0, 2, 1, 4, 3, 5], keep: 4, fuse: true)
    let tie = Self.compare(Self.step([0, 2, 1, 3, 4, 5], keep: 4, fuse: true), theirs)
    #expect(tie.hasSameTokens && tie.isUndecided)
    let other = Self.compare(Self.step([0, 2, 1, 5, 3, 4], keep: 4, fuse: true), theirs)
    #expect(!other.hasSameTokens)
  }

  @Test func `the order within a fused token is irrelevant`() {
    let agreement = Self.compare(
      Self.step([0, 2, 1, 5, 4, 3], keep: 3, fuse: true),
      Self.step([0, 2, 1, 3, 4, 5], keep: 3, fuse: true))
    #expect(agreement.hasSameTokens && agreement.hasSameOrder && agreement.nearTies == 0)
  }

  @Test func `after a near tie, the next reduction is compared by the patches behind its tokens`() {
    var agreement = Self.compare(
      Self.step([0, 1, 2, 4, 3, 5], keep: 5), Self.step([0, 2, 1, 4, 3, 5], keep: 5))
    // Both keep the class token and token 1 of the input, which are now at different positions.
    let scores: [Float] = [9, 1, 2, 0, 0]
    agreement.compare(
      TokenAgreement.Step(offsets: [0, 1, 2], sources: [0, 1, 2, 3, 4], scores: [9, 2, 1, 0, 0]),
      TokenAgreement.Step(offsets: [0, 1, 2], sources: [0, 2, 1, 3, 4], scores: scores))
    #expect(agreement.hasSameTokens && agreement.hasSameOrder)
    agreement.compare(
      TokenAgreement.Step(offsets: [0, 1], sources: [1, 0], scores: [9, 1]),
      TokenAgreement.Step(offsets: [0, 1], sources: [0, 1], scores: [9, 1]))
    #expect(!agreement.hasSameTokens)
  }
}
