import Foundation
import Support
import Testing

@testable import Measurement

/// How often a 95 % interval contains the truth, on simulated machines with known disturbances.
@Suite struct CoverageTests {
  enum Machine: String, CaseIterable, CustomTestStringConvertible {
    case quiet, autocorrelated, bimodal, bursts
    var testDescription: String { rawValue }
  }

  private static let variants = 4
  private static let simulations = 500

  /// Timings of every variant around 1, interleaved as by the timer.
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
            // An AR(1) process: half of a deviation remains after 13 passes.
            level = 0.95 * level + (1 - 0.95 * 0.95).squareRoot() * generator.normal()
            time *= exp(0.05 * level)
          case .bimodal: if generator.uniform() < 0.3 { time *= 1.8 }
          case .bursts:
            // A quarter of the time, another program runs for about twenty passes.
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

  /// How many of 100 intervals contain the truth, for the median and for the ratio of two medians.
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
  func `intervals of a usual measurement contain the truth at least 93 times of 100`(
    machine: Machine
  ) throws {
    let found = try Self.coverage(machine, rounds: StopRule.rounds, perVisit: 9)
    #expect(found.median >= 93, "\(machine): \(found)")
    #expect(found.ratio >= 93, "\(machine): \(found)")
  }

  @Test(arguments: Machine.allCases)
  func `intervals of a ratio cover the truth with fewer and with more rounds`(machine: Machine)
    throws
  {
    for (rounds, perVisit) in [(10, 3), (10, 20), (40, 9)] {
      let found = try Self.coverage(machine, rounds: rounds, perVisit: perVisit)
      #expect(found.ratio >= 93, "\(machine), \(rounds) rounds: \(found)")
    }
  }

  @Test func `on a quiet machine the interval is not much wider than necessary`() throws {
    let found = try Self.coverage(.quiet, rounds: StopRule.rounds, perVisit: 9)
    #expect(found.median <= 99)
  }
}
