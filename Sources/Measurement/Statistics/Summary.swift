/// The order statistics of one sample, which are reported for a latency.
///
/// Quantiles are of type 7 (Hyndman and Fan, The American Statistician 50 (1996) 361–365): linear
/// between order statistics at position `p·(n−1)`, as NumPy, R and spreadsheets do by default.
package struct Summary: Hashable, Sendable {
  package let count: Int
  package let minimum: Double
  package let lowerQuartile: Double
  package let median: Double
  package let upperQuartile: Double
  package let maximum: Double

  /// Summarizes `samples` in any order.
  ///
  /// Edge cases: `nil` when there is no sample or one is not finite; for one sample, all quantiles
  /// are its value.
  package init?(_ samples: [Double]) {
    guard samples.allSatisfy(\.isFinite) else { return nil }
    let sorted = samples.sorted()
    guard let first = sorted.first, let last = sorted.last else { return nil }
    count = sorted.count
    minimum = first
    maximum = last
    lowerQuartile = quantile(0.25, ofSorted: sorted)
    median = quantile(0.5, ofSorted: sorted)
    upperQuartile = quantile(0.75, ofSorted: sorted)
  }
}

/// The type 7 quantile of values in ascending order.
///
/// Edge cases: no values, or `p` outside 0…1, is a programming error.
package func quantile(_ p: Double, ofSorted sorted: [Double]) -> Double {
  precondition(!sorted.isEmpty && (0...1).contains(p), "a quantile needs values and p in 0…1")
  let position = p * Double(sorted.count - 1)
  let below = Int(position)
  let above = min(below + 1, sorted.count - 1)
  let fraction = position - Double(below)
  return sorted[below] + fraction * (sorted[above] - sorted[below])
}
