import Support
import Testing

@testable import Measurement

/// Expected values: SciPy 1.17.1 and NumPy 2.4.6 where a comment says so, else by hand.
@Suite struct SummaryTests {
  @Test func `quartiles are of type 7`() throws {
    // numpy.percentile(x, [0, 25, 50, 75, 100])
    let summary = try #require(Summary([3.1, 2.7, 9.4, 3.0, 2.9, 3.3, 2.8]))
    #expect(summary.count == 7)
    #expect(summary.minimum == 2.7)
    #expect(abs(summary.lowerQuartile - 2.85) < 1e-12)
    #expect(summary.median == 3.0)
    #expect(abs(summary.upperQuartile - 3.2) < 1e-12)
    #expect(summary.maximum == 9.4)
    #expect(abs(summary.interquartileRange - 0.35) < 1e-12)
  }

  @Test func `an even count averages the middle values`() throws {
    let summary = try #require(Summary([4, 1, 3, 2]))
    #expect(summary.lowerQuartile == 1.75)
    #expect(summary.median == 2.5)
    #expect(summary.upperQuartile == 3.25)
  }

  @Test func `one sample is all its own quantiles`() throws {
    let summary = try #require(Summary([5]))
    #expect([summary.minimum, summary.lowerQuartile, summary.median] == [5, 5, 5])
    #expect([summary.upperQuartile, summary.maximum] == [5, 5])
  }

  @Test(arguments: [[], [1, .nan], [.infinity]] as [[Double]])
  func `no or non-finite samples have no summary`(samples: [Double]) {
    #expect(Summary(samples) == nil)
  }
}

@Suite struct WilsonTests {
  @Test(arguments: [
    // scipy.stats.binomtest(s, n).proportion_ci(method="wilson")
    (92, 100, 0.8500189229905127, 0.9589065385156194),
    (0, 10, 0, 0.27753279986288926),
    (10, 10, 0.7224672001371109, 1),
    (39928, 50000, 0.7950216026567462, 0.8020525246297964),
    (1, 3, 0.06149194472039626, 0.7923403991979523),
  ])
  func `intervals equal SciPy's`(successes: Int, trials: Int, lower: Double, upper: Double) throws {
    let interval = try #require(Interval.wilson(successes: successes, trials: trials))
    #expect(abs(interval.lower - lower) < 1e-12)
    #expect(abs(interval.upper - upper) < 1e-12)
  }

  @Test func `no trials have no interval`() {
    #expect(Interval.wilson(successes: 0, trials: 0) == nil)
  }
}

@Suite struct PairedOutcomesTests {
  @Test(arguments: [
    // scipy.stats.binomtest(b, b + c).pvalue, and that minus binom.pmf(min(b, c), b + c, 0.5)
    (5, 1, 0.21875, 0.125),
    (25, 10, 0.016673847800120715, 0.011330984183587134),
    (700, 600, 0.0060157938610449395, 0.005543558709501235),
    (0, 8, 0.0078125, 0.00390625),
  ])
  func `McNemar's p-values equal SciPy's`(b: Int, c: Int, exact: Double, mid: Double) {
    let outcomes = PairedOutcomes(both: 3, onlyFirst: b, onlySecond: c, neither: 1)
    #expect(abs(outcomes.exactP - exact) < 1e-10)
    #expect(abs(outcomes.midP - mid) < 1e-10)
    // Neither p-value asks which classifier came first.
    let swapped = PairedOutcomes(both: 3, onlyFirst: c, onlySecond: b, neither: 1)
    #expect(swapped.midP == outcomes.midP)
  }

  @Test(arguments: [0, 12])
  func `equal discordant counts give no evidence`(count: Int) {
    let outcomes = PairedOutcomes(onlyFirst: count, onlySecond: count)
    #expect(outcomes.exactP == 1)
    #expect(outcomes.midP == 1)
  }

  @Test func `images are counted into the four cells`() {
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

  @Test func `every image discordant one way stays at that end`() throws {
    var generator = SplitMix64(seed: 1)
    let interval = try #require(PairedOutcomes(onlyFirst: 7).differenceInterval(using: &generator))
    #expect(interval == Interval(lower: -1, upper: -1))
  }
}
