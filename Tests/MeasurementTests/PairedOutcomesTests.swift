import Support
import Testing

@testable import Measurement

@Suite struct PairedOutcomesTests {
  @Test(arguments: [
    // scipy.stats.binomtest(b, b + c).pvalue - binom.pmf(min(b, c), b + c, 0.5)
    (5, 1, 0.125),
    (25, 10, 0.011330984183587134),
    (700, 600, 0.005543558709501235),
    (0, 8, 0.00390625),
  ])
  func `McNemar's p-value equals SciPy's`(b: Int, c: Int, mid: Double) {
    let outcomes = PairedOutcomes(both: 3, onlyFirst: b, onlySecond: c, neither: 1)
    #expect(abs(outcomes.midP - mid) < 1e-10)
    // The order of the classifiers does not matter.
    let swapped = PairedOutcomes(both: 3, onlyFirst: c, onlySecond: b, neither: 1)
    #expect(swapped.midP == outcomes.midP)
  }

  @Test(arguments: [0, 12])
  func `equal discordant counts give no evidence`(count: Int) {
    let outcomes = PairedOutcomes(onlyFirst: count, onlySecond: count)
    #expect(outcomes.midP == 1)
  }

  @Test func `images are counted in the four cells`() {
    var outcomes = PairedOutcomes()
    outcomes.count(first: true, second: true)
    outcomes.count(first: true, second: false)
    outcomes.count(first: true, second: false)
    outcomes.count(first: false, second: true)
    outcomes.count(first: false, second: false)
    #expect(outcomes == PairedOutcomes(both: 1, onlyFirst: 2, onlySecond: 1, neither: 1))
    #expect(outcomes.difference == -0.2)
    #expect(PairedOutcomes().difference == nil)
  }

  @Test func `the bootstrap interval of the difference agrees with SciPy's`() throws {
    // scipy.stats.bootstrap over images, 20,000 resamples: (-0.029, -0.0115)
    let outcomes = PairedOutcomes(both: 1700, onlyFirst: 60, onlySecond: 20, neither: 220)
    var generator = SplitMix64(seed: 1)
    let interval = try #require(
      outcomes.differenceInterval(replicates: 20_000, using: &generator))
    #expect(abs(interval.lower - -0.029) <= 0.0006)
    #expect(abs(interval.upper - -0.0115) <= 0.0006)
  }

  @Test func `the same seed gives the same interval`() {
    let outcomes = PairedOutcomes(both: 17, onlyFirst: 6, onlySecond: 2, neither: 22)
    var first = SplitMix64(seed: 9)
    var second = SplitMix64(seed: 9)
    #expect(
      outcomes.differenceInterval(using: &first) == outcomes.differenceInterval(using: &second))
  }

  @Test func `no discordant image gives an interval of zero width`() throws {
    var generator = SplitMix64(seed: 1)
    let interval = try #require(
      PairedOutcomes(both: 9, neither: 1).differenceInterval(using: &generator))
    #expect(interval == Interval(lower: 0, upper: 0))
    #expect(PairedOutcomes().differenceInterval(using: &generator) == nil)
  }

  @Test func `if all images are discordant in one direction, the interval is at that end`() throws {
    var generator = SplitMix64(seed: 1)
    let interval = try #require(PairedOutcomes(onlyFirst: 7).differenceInterval(using: &generator))
    #expect(interval == Interval(lower: -1, upper: -1))
  }
}
