/// Medians of resampled timings: the uncertainty of a median latency, and of ratios of two.
///
/// Timings within one interleaved round share what the machine was doing, so whole rounds are
/// resampled (a cluster bootstrap). Where there are few rounds, the timings within each drawn round
/// are resampled too (a two-stage bootstrap): a handful of rounds alone would look too certain.
/// A single round leaves only its timings to resample.
/// Time: O(samples · replicates) after one sort.
/// Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
package struct BootstrapMedians: Sendable {
  /// With fewer rounds than this, the timings within them are resampled too.
  package static let manyRounds = 6

  /// One median a replicate, in the order drawn.
  package let medians: [Double]

  /// Draws `replicates` medians of `samples`, whose rounds are `rounds`.
  ///
  /// Edge cases: `nil` when there is no sample or one is not finite; `rounds` of another length
  /// than `samples` are ignored, since they cannot be told apart.
  package init?(
    samples: [Double], rounds: [Int], replicates: Int = 1000, using generator: inout SeededGenerator
  ) {
    guard !samples.isEmpty, samples.allSatisfy(\.isFinite) else { return nil }
    let known = rounds.count == samples.count ? rounds : []
    // Sorted once; a replicate only changes how often each timing counts.
    let order = samples.indices.sorted { samples[$0] < samples[$1] }
    let sorted = order.map { samples[$0] }
    let names = order.map { known.isEmpty ? 0 : known[$0] }
    let clusters = Dictionary(grouping: sorted.indices) { names[$0] }
      .sorted { $0.key < $1.key }.map(\.value)
    let resamplesWithin = clusters.count < Self.manyRounds
    var drawn: [Double] = []
    drawn.reserveCapacity(replicates)
    var weights = [Int](repeating: 0, count: sorted.count)
    for _ in 0..<replicates {
      for i in weights.indices { weights[i] = 0 }
      for _ in clusters.indices {
        let cluster = clusters[generator.below(clusters.count)]
        for index in cluster {
          weights[resamplesWithin ? cluster[generator.below(cluster.count)] : index] += 1
        }
      }
      drawn.append(Self.weightedMedian(of: sorted, weights: weights))
    }
    medians = drawn
  }

  /// The median of `sorted` with each value repeated as its weight says.
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
  /// Both must hold the same number of replicates. Medians of 0 are a programming error.
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
