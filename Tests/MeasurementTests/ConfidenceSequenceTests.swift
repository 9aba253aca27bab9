import Foundation
import Support
import Testing

@testable import Measurement

/// Confidence sequences, which may be inspected at any time; races depend on them.
@Suite struct ConfidenceSequenceTests {
  /// Paired differences −1, 0, 1 over a data set, with their mean.
  private struct Population {
    var values: [Int]
    var mean: Double { Double(values.reduce(0, +)) / Double(values.count) }

    init(images: Int, won: Double, lost: Double) {
      let wins = Int(Double(images) * won)
      let losses = Int(Double(images) * lost)
      values =
        Array(repeating: 1, count: wins) + Array(repeating: -1, count: losses)
        + Array(repeating: 0, count: images - wins - losses)
    }

    func shuffled(_ random: inout SplitMix64) -> [Int] {
      var order = values
      for last in stride(from: order.count - 1, to: 0, by: -1) {
        order.swapAt(last, random.below(last + 1))
      }
      return order
    }
  }

  static func batch(_ values: some Sequence<Int>) -> PairedBatch {
    var batch = PairedBatch()
    for value in values { batch.count(first: value < 0, second: value > 0) }
    return batch
  }

  private static let populations = [
    Population(images: 1000, won: 0.01, lost: 0.03), Population(images: 1000, won: 0.05, lost: 0.2),
    Population(images: 1000, won: 0, lost: 0.005), Population(images: 1000, won: 0.04, lost: 0.04),
  ]

  @Test func `batches cover all images once, in order, and are small first`() {
    for images in [0, 1, 49, 50, 51, 500, 777, 2000, 50_000] {
      for most in [Int.max, 120, 7] {
        let ranges = RaceBatches.ranges(images: images, most: most)
        #expect(ranges.flatMap { Array($0) } == Array(0..<images))
        #expect(ranges.allSatisfy { $0.count <= most })
      }
    }
    let sizes = RaceBatches.ranges(images: 2000).map(\.count)
    #expect(
      sizes == Array(repeating: 50, count: 20) + Array(repeating: 100, count: 10))
    #expect(RaceBatches.ranges(images: 50_000).last?.count == 250)
  }

  @Test func `bets are small enough for many and for few images`() {
    for (images, least, count) in [(6, 0.5, 2), (2000, 0.122, 3), (50_000, 0.0245, 5)] {
      let shares = BettingCapital.shares(of: images)
      #expect(abs((shares.first ?? 0) - least) < 0.001)
      #expect(abs((shares.last ?? 0) - 0.95) < 1e-12)
      #expect(shares.count == count)
    }
  }

  @Test func `the capital of the true mean is a supermartingale over all orders of the images`() {
    for values in [
      [1, 0, 0, -1, 0, 1], [-1, -1, 0, 0, 0, 1], [0, 0, 0, 0, 0, 1], [-1, -1, -1, 0, 1, 1],
    ] {
      for sizes in [[1, 1, 1, 1, 1, 1], [2, 2, 2], [3, 1, 2], [4, 2]] {
        var totals = [Double](repeating: 0, count: sizes.count)
        var orders = 0
        Self.forEachOrder(values) { order in
          orders += 1
          var capital = BettingCapital(population: 6, candidate: values.reduce(0, +))
          var start = 0
          for (index, size) in sizes.enumerated() {
            capital.add(Self.batch(order[start..<(start + size)]))
            start += size
            totals[index] += exp(capital.logarithm)
          }
        }
        #expect(orders == 720)
        for total in totals { #expect(total / Double(orders) <= 1 + 1e-12) }
        if sizes.count == 6 {
          // With one image at a time the bets are fair, so the capital is a martingale.
          for total in totals { #expect(abs(total / Double(orders) - 1) < 1e-9) }
        }
      }
    }
  }

  static func forEachOrder(_ values: [Int], _ body: ([Int]) -> Void) {
    func extend(_ head: [Int], _ rest: [Int]) {
      if rest.isEmpty { return body(head) }
      for index in rest.indices {
        var others = rest
        let next = others.remove(at: index)
        extend(head + [next], others)
      }
    }
    extend([], values)
  }

  /// The capital directly from its formula.
  private func reference(
    _ batches: [[Int]], population: Int, candidate: Int
  ) -> Double {
    let shares = BettingCapital.shares(of: population)
    var capitals = shares.map { _ in 1.0 }
    var (sum, seen) = (0, 0)
    for batch in batches {
      let mean = Double(candidate - sum) / Double(population - seen)
      if mean <= -1 {
        // Only −1 can remain.
        if mean < -1 || batch.contains(where: { $0 > -1 }) { return .infinity }
      } else {
        for (index, share) in shares.enumerated() {
          let bet = share / (1 + mean)
          for value in batch { capitals[index] *= 1 + bet * (Double(value) - mean) }
        }
      }
      sum += batch.reduce(0, +)
      seen += batch.count
      if candidate - sum < -(population - seen) { return .infinity }
    }
    return capitals.reduce(0, +) / Double(capitals.count)
  }

  @Test func `the ends equal those of a direct computation`() {
    var random = SplitMix64(seed: 11)
    for population in [
      Population(images: 60, won: 0.1, lost: 0.3), Population(images: 60, won: 0, lost: 0.05),
      Population(images: 60, won: 0.5, lost: 0.4),
    ] {
      let order = population.shuffled(&random)
      var sequence = ConfidenceSequence(population: 60)
      var kept = Set(-60...60)
      var seen: [[Int]] = []
      for range in RaceBatches.ranges(images: 60, most: 11) {
        seen.append(Array(order[range]))
        sequence.add(Self.batch(order[range]))
        kept = kept.filter { candidate in
          let up = reference(seen, population: 60, candidate: candidate)
          let down = reference(
            seen.map { $0.map { -$0 } }, population: 60, candidate: -candidate)
          return max(up, down) < 2 / 0.05
        }
        #expect(abs(sequence.interval.lower - Double(kept.min() ?? 99) / 60) < 1e-12)
        #expect(abs(sequence.interval.upper - Double(kept.max() ?? -99) / 60) < 1e-12)
      }
      #expect(sequence.interval == Interval(lower: population.mean, upper: population.mean))
    }
  }

  /// The number of 400 runs in which the true difference is outside an interval at any look.
  private func misses(
    _ population: Population, seed: UInt64,
    _ interval: ([PairedBatch], inout ConfidenceSequence) -> Interval
  ) -> Int {
    var random = SplitMix64(seed: seed)
    return (0..<400).count { _ in
      let order = population.shuffled(&random)
      var sequence = ConfidenceSequence(population: order.count)
      var batches: [PairedBatch] = []
      var isMissed = false
      for range in RaceBatches.ranges(images: order.count) {
        batches.append(Self.batch(order[range]))
        let found = interval(batches, &sequence)
        if !found.contains(population.mean) { isMissed = true }
      }
      return isMissed
    }
  }

  @Test(arguments: populations.indices)
  func `at least 95 % of 400 races contain the truth at every look`(index: Int) {
    let misses = misses(Self.populations[index], seed: UInt64(index)) { batches, sequence in
      sequence.add(batches[batches.count - 1])
      return sequence.interval
    }
    #expect(misses <= 20, "\(misses) of 400 missed")
  }

  @Test func `fixed-sample intervals miss more often under repeated looks`() {
    let misses = misses(Self.populations[1], seed: 9) { batches, _ in
      let n = Double(batches.reduce(0) { $0 + $1.images })
      let mean = Double(batches.reduce(0) { $0 + $1.sum }) / n
      let square = Double(batches.reduce(0) { $0 + $1.won + $1.lost }) / n
      let half = 1.96 * ((square - mean * mean) / n * (1 - n / 1000)).squareRoot()
      return Interval(lower: mean - half, upper: mean + half)
    }
    #expect(misses > 60, "only \(misses) of 400 missed: the races would prove nothing")
  }

  @Test func `an interval for one look is neither too wide nor narrower than expected`() {
    var random = SplitMix64(seed: 3)
    let order = Self.populations[0].shuffled(&random)
    let batches = RaceBatches.ranges(images: 1000).prefix(8).map { Self.batch(order[$0]) }
    var many = ConfidenceSequence(population: 1000)
    for batch in batches { many.add(batch) }
    var one = ConfidenceSequence(population: 1000)
    one.add(joined: batches)
    #expect(one.interval.lower <= many.interval.lower)
    #expect(one.interval.upper >= many.interval.upper)
    #expect(one.interval.contains(Self.populations[0].mean))
    #expect(one.images == many.images)
    #expect(one.halfWidth < 0.05)
  }
}
