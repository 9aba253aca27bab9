import Support
import Testing

@testable import Measurement

@Suite struct BootstrapMediansTests {
  // numpy.random.default_rng(7): normal(12, 0.5, 61) and normal(9, 0.4, 60), rounded to 3 digits.
  static let slow: [Double] = [
    12.001, 12.149, 11.863, 11.555, 11.773, 11.504, 12.03, 12.67, 11.754, 11.69, 12.245, 12.178,
    12.053, 11.535, 11.985, 12.348, 11.328, 11.771, 11.049, 11.355, 11.079, 11.882, 11.366, 12.136,
    12.078, 11.907, 10.742, 11.731, 11.976, 12.057, 11.235, 11.761, 11.511, 11.596, 12.53, 11.596,
    11.984, 12.442, 11.708, 11.944, 12.055, 12.032, 11.387, 12.038, 12.679, 11.226, 12.43, 12.06,
    11.679, 13.0, 12.381, 11.4, 12.037, 12.288, 11.906, 12.341, 11.967, 12.334, 12.719, 11.662,
    12.102,
  ]
  static let fast: [Double] = [
    8.815, 9.051, 8.525, 8.768, 8.922, 9.36, 9.458, 8.471, 8.682, 9.259, 8.203, 8.815, 8.961,
    9.503, 9.276, 8.869, 8.853, 8.9, 9.609, 8.829, 8.879, 9.141, 8.952, 8.921, 8.554, 8.995, 8.823,
    9.466, 9.261, 8.99, 9.267, 8.864, 9.421, 8.998, 9.233, 8.484, 9.139, 8.325, 8.186, 8.878, 8.64,
    9.066, 9.898, 8.667, 8.75, 9.082, 9.197, 8.929, 8.918, 9.281, 9.208, 8.587, 8.968, 9.014, 8.578,
    9.104, 8.657, 9.389, 9.077, 9.036,
  ]

  @Test func `the ratio's interval agrees with SciPy's`() throws {
    // scipy.stats.bootstrap of median/median, 20,000 resamples: (1.3096, 1.3500)
    var generator = SplitMix64(seed: 5)
    let slow = try #require(
      BootstrapMedians(samples: Self.slow, rounds: [], replicates: 20_000, using: &generator))
    let fast = try #require(
      BootstrapMedians(samples: Self.fast, rounds: [], replicates: 20_000, using: &generator))
    let interval = slow.ratioInterval(to: fast)
    #expect(abs(interval.lower - 1.3096) < 0.002)
    #expect(abs(interval.upper - 1.3500) < 0.002)
  }

  @Test func `differing rounds widen the interval`() throws {
    // Ten rounds of 20 equal samples: 200 samples, but only ten independent values.
    let rounds = (0..<200).map { $0 / 20 }
    let samples = rounds.map { 10 + Double($0 * 7 % 10) / 10 }
    var generator = SplitMix64(seed: 5)
    let alone = try #require(
      BootstrapMedians(samples: samples, rounds: [], using: &generator)
    ).interval
    let clustered = try #require(
      BootstrapMedians(samples: samples, rounds: rounds, using: &generator)
    ).interval
    #expect(clustered.upper - clustered.lower > 2 * (alone.upper - alone.lower))
  }

  @Test func `a single round is resampled sample by sample`() {
    let samples = Array(Self.slow.prefix(50))
    var first = SplitMix64(seed: 5)
    var second = SplitMix64(seed: 5)
    let oneRound = BootstrapMedians(
      samples: samples, rounds: samples.map { _ in 3 }, using: &first)
    let none = BootstrapMedians(samples: samples, rounds: [], using: &second)
    #expect(oneRound?.medians == none?.medians)
  }

  @Test(arguments: [3, 4, 5])
  func `few rounds that disagree give a wide interval`(count: Int) throws {
    // Another program ran in the last rounds. The medians suggest a factor of 20, but they depend
    // on when the rounds took place.
    let rounds = (0..<(12 * count)).map { $0 / 12 }
    func timings(_ value: Double, slowFrom: Int) -> [Double] {
      rounds.map { ($0 >= slowFrom ? 50 : value) + Double($0 % 3) / 100 }
    }
    var generator = SplitMix64(seed: 5)
    let baseline = try #require(
      BootstrapMedians(
        samples: timings(4, slowFrom: count / 2), rounds: rounds, using: &generator))
    let method = try #require(
      BootstrapMedians(
        samples: timings(2.5, slowFrom: count / 2 + 1), rounds: rounds, using: &generator))
    #expect(baseline.ratioInterval(to: method).contains(1))
  }

  @Test func `few rounds that agree are about as precise as their samples`() throws {
    let rounds = Self.slow.indices.map { $0 % 3 }
    var generator = SplitMix64(seed: 5)
    let alone = try #require(
      BootstrapMedians(samples: Self.slow, rounds: [], using: &generator)
    ).interval
    let staged = try #require(
      BootstrapMedians(samples: Self.slow, rounds: rounds, using: &generator)
    ).interval
    let widths = (alone.upper - alone.lower, staged.upper - staged.lower)
    #expect(widths.1 < 2.5 * widths.0)
  }

  @Test func `equal timings have no uncertainty`() throws {
    var generator = SplitMix64(seed: 5)
    let medians = try #require(
      BootstrapMedians(samples: [4, 4, 4, 4], rounds: [], using: &generator))
    #expect(medians.interval == Interval(lower: 4, upper: 4))
    #expect(medians.ratioInterval(to: medians) == Interval(lower: 1, upper: 1))
  }

  @Test func `a median of two timings is their mean when both are drawn`() throws {
    var generator = SplitMix64(seed: 5)
    let medians = try #require(
      BootstrapMedians(samples: [1, 3], rounds: [], using: &generator))
    // If both draws are equal, they are moved away from 2, because two samples say little.
    let found = Set(medians.medians).sorted()
    #expect(found.count == 3 && found[1] == 2)
    #expect(found[0] > 0 && found[0] < 1 && found[2] > 3)
  }

  @Test(arguments: [[], [1, .nan]] as [[Double]])
  func `empty or non-finite samples cannot be resampled`(samples: [Double]) {
    var generator = SplitMix64(seed: 5)
    #expect(BootstrapMedians(samples: samples, rounds: [], using: &generator) == nil)
  }
}
