import Support
import Testing

@testable import Measurement

@Suite struct SplitMix64Tests {
  @Test func `the sequence is that of SplitMix64`() {
    // First outputs of splitmix64.c for seed 1234567.
    var generator = SplitMix64(seed: 1_234_567)
    #expect(generator.next() == 6_457_827_717_110_365_317)
    #expect(generator.next() == 3_203_168_211_198_807_973)
    #expect(generator.next() == 9_817_491_932_198_370_423)
  }

  @Test(arguments: [(10, 0.3), (400, 0.02), (50_000, 0.8), (17, 0.5)])
  func `binomial draws have the expected mean and variance`(trials: Int, p: Double) {
    var generator = SplitMix64(seedText: "binomial")
    let draws = (0..<20_000).map { _ in Double(generator.binomial(trials: trials, p: p)) }
    let mean = draws.reduce(0, +) / Double(draws.count)
    let variance =
      draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws.count - 1)
    let expected = Double(trials) * p
    let expectedVariance = expected * (1 - p)
    // Five standard errors.
    #expect(abs(mean - expected) < 5 * (expectedVariance / 20_000).squareRoot())
    #expect(abs(variance / expectedVariance - 1) < 5 * (2.0 / 20_000).squareRoot() + 0.02)
    #expect(draws.allSatisfy { (0...Double(trials)).contains($0) })
  }

  @Test func `certain and impossible outcomes are deterministic`() {
    var generator = SplitMix64(seed: 3)
    #expect(generator.binomial(trials: 100, p: 0) == 0)
    #expect(generator.binomial(trials: 100, p: 1) == 100)
  }
}
