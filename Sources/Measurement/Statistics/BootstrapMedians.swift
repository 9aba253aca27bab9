/// Medians of resampled timings: the uncertainty of a median latency, and of ratios of two.
///
/// Timings within one interleaved round share what the machine was doing, so whole rounds are
/// resampled (a cluster bootstrap) where there are at least six of them, single timings otherwise.
/// Time: O(samples · replicates) after one sort.
/// Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
package struct BootstrapMedians: Sendable {
  /// The fewest rounds that are resampled whole; fewer tell too little about how rounds differ.
  package static let fewestRounds = 6

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
    let names = Array(Set(known)).sorted()
    let clustered = names.count >= Self.fewestRounds
    let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    // Sorted once; a replicate only changes how often each timing counts.
    let order = samples.indices.sorted { samples[$0] < samples[$1] }
    let sorted = order.map { samples[$0] }
    let clusters = order.map { clustered ? indices[known[$0]] ?? 0 : $0 }
    let clusterCount = clustered ? names.count : samples.count
    var drawn: [Double] = []
    drawn.reserveCapacity(replicates)
    var weights = [Int](repeating: 0, count: clusterCount)
    for _ in 0..<replicates {
      for i in weights.indices { weights[i] = 0 }
      for _ in 0..<clusterCount { weights[generator.below(clusterCount)] += 1 }
      drawn.append(Self.weightedMedian(of: sorted, clusters: clusters, weights: weights))
    }
    medians = drawn
  }

  /// The median of `sorted` with each value repeated as its cluster's weight says.
  private static func weightedMedian(
    of sorted: [Double], clusters: [Int], weights: [Int]
  ) -> Double {
    let total = clusters.reduce(0) { $0 + weights[$1] }
    // With an even total the two middle values are averaged: ranks are counted from 0.
    let lowRank = (total - 1) / 2
    let highRank = total / 2
    var passed = 0
    var low = sorted[0]
    for (value, cluster) in zip(sorted, clusters) where weights[cluster] > 0 {
      if passed <= lowRank { low = value }
      passed += weights[cluster]
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
