import Foundation
import Support

/// Medians of resampled timings: the uncertainty of a median latency, and of the ratio of two.
///
/// Timings within one interleaved round share the state of the machine, so whole rounds are
/// resampled (a cluster bootstrap). A disturbance may last longer than a round, so neighboring
/// rounds are drawn together, in blocks of random length (the stationary bootstrap), whose mean
/// follows from the correlation of successive rounds. If there are few rounds, the timings within
/// each drawn round are resampled too (a two-stage bootstrap), because a handful of rounds alone
/// would look too certain. For a single round, only its timings can be resampled, in blocks.
///
/// Resampling n items underestimates their spread, so each replicate is moved away from the median
/// by √(n/(n−1)) · t/z, as a t interval is wider than a normal one. Time: O(samples · replicates)
/// after one sort. Source: Davison and Hinkley, Bootstrap Methods and their Application (1997),
/// section 3.8; Politis and Romano, Journal of the American Statistical Association 89 (1994)
/// 1303–1313; Hesterberg, The American Statistician 69 (2015) 371–386, section 4.2, for the
/// expansion.
package struct BootstrapMedians: Sendable {
  /// With fewer rounds than this, the timings within them are resampled too.
  package static let manyRounds = 6

  /// One median per replicate, in the order drawn.
  package let medians: [Double]

  /// Draws `replicates` medians of `samples`, whose rounds are `rounds`.
  ///
  /// Edge cases: `nil` when there is no sample or one is not finite; `rounds` whose length differs
  /// from that of `samples` are ignored.
  package init?(
    samples: [Double], rounds: [Int], replicates: Int = 1000, using generator: inout SplitMix64
  ) {
    guard !samples.isEmpty, samples.allSatisfy(\.isFinite) else { return nil }
    let known = rounds.count == samples.count ? rounds : []
    // Sorted once; a replicate only changes how often each timing counts.
    let order = samples.indices.sorted { samples[$0] < samples[$1] }
    let sorted = order.map { samples[$0] }
    var rank = [Int](repeating: 0, count: order.count)
    for (place, index) in order.enumerated() { rank[index] = place }
    // Ranks of the timings of each round, in the order taken.
    let clusters = Dictionary(grouping: samples.indices) { known.isEmpty ? 0 : known[$0] }
      .sorted { $0.key < $1.key }.map { $0.value.map { rank[$0] } }
    let resamplesWithin = clusters.count < Self.manyRounds
    let median = quantile(0.5, ofSorted: sorted)
    // A median depends only on which side of it a timing lies, not on the distance.
    let sides = samples.map { $0 < median ? -1.0 : $0 > median ? 1 : 0 }
    let sideOfRank = order.map { sides[$0] }
    let roundBlock =
      resamplesWithin
      ? 1
      : BlockLength.ofRounds(
        clusters.map { $0.reduce(0) { $0 + sideOfRank[$1] } / Double($0.count) })
    let sampleBlock = resamplesWithin ? BlockLength.stationary(sides) : 1
    var drawn: [Double] = []
    drawn.reserveCapacity(replicates)
    var weights = [Int](repeating: 0, count: sorted.count)
    for _ in 0..<replicates {
      for i in weights.indices { weights[i] = 0 }
      var place = 0
      for step in clusters.indices {
        place = Self.next(
          after: place, isFirst: step == 0, of: clusters.count, block: roundBlock, &generator)
        let cluster = clusters[place]
        guard resamplesWithin else {
          for rank in cluster { weights[rank] += 1 }
          continue
        }
        var inner = 0
        for i in cluster.indices {
          inner = Self.next(
            after: inner, isFirst: i == 0, of: cluster.count, block: sampleBlock, &generator)
          weights[cluster[inner]] += 1
        }
      }
      drawn.append(Self.weightedMedian(of: sorted, weights: weights))
    }
    let things =
      clusters.count == 1
      ? Double(samples.count) / sampleBlock : Double(clusters.count) / roundBlock
    let expansion = clusters.count > 1 && resamplesWithin ? 1 : Self.expansion(of: things)
    medians = drawn.map { Self.moved($0, from: median, by: expansion) }
  }

  /// The next place of a resampled series: the neighbor, round the end, or with chance 1/`block`
  /// any.
  private static func next(
    after place: Int, isFirst: Bool, of count: Int, block: Double,
    _ generator: inout SplitMix64
  ) -> Int {
    if !isFirst, block > 1, generator.uniform() >= 1 / block { return (place + 1) % count }
    return generator.below(count)
  }

  /// √(n/(n−1)) · t/z for n independent things.
  private static func expansion(of things: Double) -> Double {
    let n = max(2, Int(things))
    return (Double(n) / Double(n - 1)).squareRoot() * Student.quantile975(degrees: n - 1)
      / Interval.normal95
  }

  /// Moves a value away from `center` by a factor, as a ratio, so that no time becomes negative.
  private static func moved(_ value: Double, from center: Double, by factor: Double) -> Double {
    guard value > 0, center > 0, value != center else { return value }
    return center * pow(value / center, factor)
  }

  /// The median of `sorted` with each value repeated by its weight.
  private static func weightedMedian(of sorted: [Double], weights: [Int]) -> Double {
    let total = weights.reduce(0, +)
    // With an even total the two middle values are averaged: ranks are counted from 0.
    let lowRank = (total - 1) / 2
    let highRank = total / 2
    var passed = 0
    var low = sorted[0]
    for (value, weight) in zip(sorted, weights) where weight > 0 {
      if passed <= lowRank { low = value }
      passed += weight
      if passed > highRank { return (low + value) / 2 }
    }
    return low
  }

  /// The 95 % percentile interval of the median.
  package var interval: Interval { Self.percentiles(medians) }

  /// The 95 % percentile interval of the ratio of this median to `other`'s, drawn independently.
  ///
  /// Both must have the same number of replicates. Medians of 0 are a programming error.
  package func ratioInterval(to other: BootstrapMedians) -> Interval {
    precondition(medians.count == other.medians.count, "replicates must pair")
    return Self.percentiles(zip(medians, other.medians).map { $0 / $1 })
  }

  private static func percentiles(_ values: [Double]) -> Interval {
    let sorted = values.sorted()
    return Interval(
      lower: quantile(0.025, ofSorted: sorted), upper: quantile(0.975, ofSorted: sorted))
  }
}
