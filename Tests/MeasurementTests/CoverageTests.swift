import Foundation
import Support
import Testing

@testable import Measurement

/// How often a 95 % interval holds the truth, on machines that are disturbed in ways whose truth is
/// known.
@Suite struct CoverageTests {
  enum Machine: String, CaseIterable, CustomTestStringConvertible {
    case quiet, autocorrelated, bimodal, bursts
    var testDescription: String { rawValue }
  }

  private static let variants = 4
  private static let simulations = 500

  /// Timings of every variant around 1, visited in turns as the timer does.
  private static func timings(
    _ machine: Machine, rounds: Int, perVisit: Int, _ generator: inout SplitMix64
  ) -> [[Double]] {
    var timings = [[Double]](repeating: [], count: variants)
    var level = generator.normal()
    var isSlow = generator.uniform() < 0.25
    for _ in 0..<rounds {
      for variant in 0..<variants {
        for _ in 0..<perVisit {
          var time = 1 + 0.01 * abs(generator.normal())
          switch machine {
          case .quiet: break
          case .autocorrelated:
            // An AR(1) process: half of it is left after 13 passes.
            level = 0.95 * level + (1 - 0.95 * 0.95).squareRoot() * generator.normal()
            time *= exp(0.05 * level)
          case .bimodal: if generator.uniform() < 0.3 { time *= 1.8 }
          case .bursts:
            // A quarter of the time something else runs, for some twenty passes.
            isSlow = generator.uniform() < (isSlow ? 1 - 1.0 / 20 : 1.0 / 60)
            if isSlow { time *= 1.5 + 0.2 * generator.uniform() }
          }
          timings[variant].append(time)
        }
      }
    }
    return timings
  }

  /// The median of the machine's timings, from a very long measurement.
  private static func truth(_ machine: Machine) -> Double {
    var generator = SplitMix64(seed: 99)
    let all = timings(machine, rounds: 20_000, perVisit: 9, &generator)[0].sorted()
    return quantile(0.5, ofSorted: all)
  }

  /// How many of 100 intervals hold the truth, of the median and of the ratio of two medians.
  private static func coverage(
    _ machine: Machine, rounds: Int, perVisit: Int
  ) throws -> (median: Double, ratio: Double) {
    let truth = truth(machine)
    let names = (0..<(rounds * perVisit)).map { $0 / perVisit }
    var generator = SplitMix64(seed: 7)
    var medians = 0
    var ratios = 0
    for _ in 0..<simulations {
      let timings = timings(machine, rounds: rounds, perVisit: perVisit, &generator)
      let first = try #require(
        BootstrapMedians(
          samples: timings[0], rounds: names, replicates: 400, using: &generator))
      let second = try #require(
        BootstrapMedians(
          samples: timings[2].map { 0.7 * $0 }, rounds: names, replicates: 400, using: &generator))
      if first.interval.contains(truth) { medians += 1 }
      if first.ratioInterval(to: second).contains(1 / 0.7) { ratios += 1 }
    }
    let share = 100 / Double(simulations)
    return (Double(medians) * share, Double(ratios) * share)
  }

  @Test(arguments: Machine.allCases)
  func `the intervals of a usual measurement hold the truth at least 93 times of 100`(
    machine: Machine
  ) throws {
    let found = try Self.coverage(machine, rounds: StopRule.rounds, perVisit: 9)
    #expect(found.median >= 93, "\(machine): \(found)")
    #expect(found.ratio >= 93, "\(machine): \(found)")
  }

  @Test(arguments: Machine.allCases)
  func `the interval of a ratio holds after fewer and after more rounds too`(machine: Machine)
    throws
  {
    for (rounds, perVisit) in [(10, 3), (10, 20), (40, 9)] {
      let found = try Self.coverage(machine, rounds: rounds, perVisit: perVisit)
      #expect(found.ratio >= 93, "\(machine), \(rounds) rounds: \(found)")
    }
  }

  @Test func `on a quiet machine the interval is not much wider than it must be`() throws {
    let found = try Self.coverage(.quiet, rounds: StopRule.rounds, perVisit: 9)
    #expect(found.median <= 99)
  }
}

@Suite struct BlockLengthTests {
  private func autoregressive(_ rho: Double, count: Int) -> [Double] {
    var generator = SplitMix64(seed: 11)
    var value = generator.normal()
    return (0..<count).map { _ in
      value = rho * value + (1 - rho * rho).squareRoot() * generator.normal()
      return value
    }
  }

  @Test(arguments: [0.3, 0.6, 0.8])
  func `an autoregressive series has the length that theory gives`(rho: Double) {
    let count = 20_000
    // Politis and White's b for an AR(1) process: ((2ρ/(1−ρ²))²·n)^(1/3).
    let expected = pow(pow(2 * rho / (1 - rho * rho), 2) * Double(count), 1.0 / 3)
    let found = BlockLength.stationary(autoregressive(rho, count: count))
    #expect(abs(found / expected - 1) < 0.25)
  }

  @Test func `independent values hardly need blocks`() {
    #expect(BlockLength.stationary(autoregressive(0, count: 2000)) < 3)
    #expect(BlockLength.stationary([4, 4, 4, 4, 4, 4]) == 1)
    #expect(BlockLength.stationary([1, 2]) == 1)
  }

  @Test func `rounds are never taken for independent without proof`() {
    #expect(abs(BlockLength.ofRounds(Array(repeating: 0, count: 27)) - 3) < 1e-9)
    #expect(BlockLength.ofRounds(autoregressive(0, count: 27)) >= 3 - 1e-9)
    #expect(BlockLength.ofRounds(autoregressive(0.8, count: 64)) > 4.1)
  }
}

@Suite struct StudentTests {
  // scipy.stats.t.ppf(0.975, n)
  @Test(arguments: [
    (1, 12.7062047), (4, 2.7764451), (9, 2.2621572), (11, 2.2009852), (19, 2.0930241),
    (60, 2.0002978), (1000, 1.9623391),
  ])
  func `the quantile is SciPy's`(degrees: Int, expected: Double) {
    #expect(abs(Student.quantile975(degrees: degrees) - expected) < 2e-4)
  }
}

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

  @Test func `where resampled grids disagree the range holds them and the utility is flat`() throws
  {
    // U of 50 and 75 tokens is nearly the same, and 100 is far below.
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

  @Test func `without resampled grids of the same counts nothing is known`() {
    let measured = utility([50: 1, 75: 2], [50: 0.2, 75: 0.9])
    #expect(measured.choice(alpha: 0.5, resampled: []) == nil)
    #expect(measured.choice(alpha: 0.5, resampled: [utility([50: 1], [50: 1])]) == nil)
  }

  @Test func `shares are drawn with the same images for every method`() {
    var generator = SplitMix64(seed: 5)
    let hard = (0..<300).map { $0 % 3 == 0 }
    // The second classifies all that the first does, and one more.
    var easy = hard
    easy[1] = true
    let shares = ResampledShares.draw([hard, easy], replicates: 300, using: &generator)
    #expect(shares.count == 300)
    #expect(shares.allSatisfy { $0[1] >= $0[0] && $0[1] - $0[0] < 0.03 })
    let mean = shares.reduce(0) { $0 + $1[0] } / 300
    // Five standard errors of the mean.
    #expect(abs(mean - 1.0 / 3) < 5 * (2.0 / 9 / 300 / 300).squareRoot())
    #expect(ResampledShares.draw([[], []], replicates: 3, using: &generator) == [])
  }
}
