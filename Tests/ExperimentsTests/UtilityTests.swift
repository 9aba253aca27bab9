import Measurement
import Records
import Support
import Testing
import TokenReduction

@testable import Experiments

@Suite struct UtilityTests {
  /// A staircase with steps at 64 and 128, and accuracy that falls with every token.
  private let utility = TailEffectUtility(
    latencyByTokens: [32: 10, 64: 10, 96: 20, 128: 20, 160: 30, 192: 30],
    accuracyByTokens: [32: 0.2, 64: 0.5, 96: 0.6, 128: 0.7, 160: 0.75, 192: 0.8])

  @Test func `utility is the weighted sum of latency gained and accuracy kept`() {
    let expected = [
      0.5 * (1 - 10.0 / 30) + 0.5 * 0.2 / 0.8, 0.5 * (1 - 10.0 / 30) + 0.5 * 0.5 / 0.8,
      0.5 * (1 - 20.0 / 30) + 0.5 * 0.6 / 0.8, 0.5 * (1 - 20.0 / 30) + 0.5 * 0.7 / 0.8,
      0.5 * 0.75 / 0.8, 0.5,
    ]
    let found = utility.utilities(alpha: 0.5)
    #expect(found.count == expected.count)
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-12) }
  }

  @Test func `the best count is at the far edge of a step`() {
    #expect(utility.bestTokens(alpha: 0.5) == 64)
    #expect(utility.bestTokens(alpha: 0.2) == 192)
    #expect(utility.bestTokens(alpha: 0.3) == 128)
  }

  @Test func `R always leaves one patch token next to the fused one`() {
    #expect(utility.removedTokens(alpha: 0.5, of: 192, prefixTokens: 1) == 128)
    #expect(utility.removedTokens(alpha: 0.5, of: 192, prefixTokens: 80) == 110)
    #expect(utility.removedTokens(alpha: 0, of: 192, prefixTokens: 1) == 0)
  }

  @Test func `alpha 0 considers only accuracy, alpha 1 only latency`() {
    #expect(utility.bestTokens(alpha: 0) == 192)
    // Of equally fast counts, the one with more tokens.
    #expect(utility.bestTokens(alpha: 1) == 64)
  }

  @Test func `a larger alpha never keeps more tokens`() {
    var generator = SplitMix64(seed: 5)
    for _ in 0..<200 {
      let counts = (1...12).map { $0 * 16 }
      let utility = TailEffectUtility(
        latencyByTokens: Dictionary(
          uniqueKeysWithValues: counts.map { ($0, Double($0) + 40 * generator.uniform()) }),
        accuracyByTokens: Dictionary(
          uniqueKeysWithValues: counts.map { ($0, Double($0) + 40 * generator.uniform()) }))
      let latencies = stride(from: 0.0, through: 1, by: 0.05).map { alpha in
        utility.points.first { $0.tokens == utility.bestTokens(alpha: alpha) }?.latency ?? 0
      }
      #expect(latencies == latencies.sorted(by: >))
    }
  }

  @Test func `counts missing from one grid are left out, and without counts there is no choice`() {
    let joined = TailEffectUtility(
      latencyByTokens: [10: 1, 20: 2], accuracyByTokens: [20: 0.5, 30: 0.9])
    #expect(joined.points.map(\.tokens) == [20])
    #expect(
      TailEffectUtility(latencyByTokens: [:], accuracyByTokens: [:]).bestTokens(alpha: 0.5) == nil)
  }

  @Test(arguments: [(145, 1), (198, 2), (261, 5), (197, 1)])
  func `R is the difference of all tokens and the grid's best count`(_ tokens: Int, _ prefix: Int)
    throws
  {
    let geometry = TokenGeometry(tokens: tokens, prefixTokens: prefix, depth: 12)
    for count in (prefix + 2)...tokens {
      // The grid runs the model on `count` tokens, including the prefix, and R leaves the same
      // number.
      let grid = try TokenReductionRegistry.composition(
        for: SearchGrid.setting(tokens: count, seed: 0, geometry), geometry: geometry)
      #expect(grid.tokensAfterBlocks.allSatisfy { $0 == count })
      let chosen = try TokenReductionRegistry.composition(
        for: MethodSetting(
          name: "tail_effect", parameters: ["r": .integer(tokens - count), "layer": .integer(3)]),
        geometry: geometry)
      #expect(chosen.tokensAfterBlocks.last == count)
    }
  }

  @Test func `a grid decreases from all tokens and keeps one patch token`() {
    func grid(_ stride: Int, _ start: Int? = nil, _ stop: Int? = nil) -> GridChoice {
      GridChoice(
        stride: stride, start: start, stop: stop, images: 1,
        timing: TimingSetting(warmup: 0, minSeconds: 0, minSamples: 1))
    }
    let geometry = TokenGeometry(tokens: 21, prefixTokens: 5, depth: 2)
    #expect(grid(4).tokenCounts(geometry) == [21, 17, 13, 9])
    #expect(grid(4, 14).tokenCounts(geometry) == [21, 17])
    #expect(grid(4, 2).tokenCounts(geometry) == [21, 17, 13, 9])
    #expect(grid(1, 2, 8).tokenCounts(geometry) == [8, 7, 6])
    #expect(grid(1, 22).tokenCounts(geometry) == [])
  }
}
