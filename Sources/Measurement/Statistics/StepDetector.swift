import Foundation

/// A position where a measured curve jumps, with its uncertainty.
package struct Step: Hashable, Sendable {
  /// The last position before the jump.
  package let before: Int
  /// The first position after it.
  package let after: Int
  /// The positions that contain the jump in 95 % of resampled curves, from the last before it to
  /// the first after it.
  package let location: ClosedRange<Int>
  /// The value after the jump minus the value before it, corrected for the trend between them.
  package let height: Double
  /// 95 % bootstrap interval of `height`.
  package let heightInterval: Interval
}

/// Finds the steps of a staircase: positions where a curve of straight pieces jumps.
///
/// The curve is cut into pieces with a straight line each, so that the squared residuals plus a
/// penalty for every piece are smallest (optimal partitioning, O(n²)); a cut counts as a step if
/// the distance of the two lines exceeds the noise and is at least `smallestShare` of the value
/// there. A bend without a jump is therefore no step, and neither is a slope, however steep. The
/// first or the last point alone may be a piece, parallel to its neighbor: with a separate line
/// through the last two points, a jump at the very end would look like a slope.
///
/// Uncertainty: each step's position is determined again, between its neighbors, in resampled
/// curves.
/// Source: Jackson et al., IEEE Signal Processing Letters 12 (2005) 105–108, for the partitioning.
package struct StepDetector: Sendable {
  /// Jumps below this share of the value are not worth a reader's attention.
  package static let smallestShare = 0.02
  /// The penalty of a piece in noise variances, times the logarithm of the number of points.
  private static let penaltyFactor = 4.0
  /// The penalty of a piece with one point, which has no slope of its own, as a fraction of a
  /// line's.
  private static let singlePointShare = 2.0 / 3

  private let positions: [Int]
  private let x: [Double]

  /// - Parameter positions: rising, without repeats.
  package init(positions: [Int]) {
    self.positions = positions
    let origin = positions.first ?? 0
    x = positions.map { Double($0 - origin) }
  }

  /// The steps of `values`, by increasing position.
  ///
  /// - Parameters:
  ///   - values: one per position, finite.
  ///   - resampled: resampled curves of the same length as `values`; if empty, the intervals are
  ///     those of an exact measurement.
  package func steps(in values: [Double], resampled: [[Double]]) -> [Step] {
    precondition(values.count == x.count, "one value a position")
    guard x.count >= 4 else { return [] }
    let noise = noiseVariance(of: values, resampled: resampled)
    let fit = LineFit(x, values)
    let cuts = cuts(fit, noise: noise)
    let curves = resampled.map { LineFit(x, $0) }
    return cuts.indices.compactMap { i in
      let lower = i == 0 ? 0 : cuts[i - 1]
      let upper = i + 1 < cuts.count ? cuts[i + 1] : x.count
      return step(at: cuts[i], between: lower, upper, fit, curves, values)
    }
  }

  /// Starts of all pieces but the first, for the cheapest partition.
  private func cuts(_ fit: LineFit, noise: Double) -> [Int] {
    let count = x.count
    let penalty = Self.penaltyFactor * noise * max(1, log(Double(count)))
    var cost = [Double](repeating: .infinity, count: count + 1)
    var start = [Int](repeating: 0, count: count + 1)
    cost[0] = -penalty
    for end in 1...count {
      for begin in 0..<end where cost[begin].isFinite {
        let isSingle = end - begin == 1
        guard !isSingle || begin == 0 || end == count else { continue }
        let price = isSingle ? Self.singlePointShare * penalty : penalty
        let total = cost[begin] + fit.residual(begin..<end) + price
        if total < cost[end] { (cost[end], start[end]) = (total, begin) }
      }
    }
    var cuts: [Int] = []
    var end = count
    while start[end] > 0 {
      cuts.append(start[end])
      end = start[end]
    }
    return cuts.reversed()
  }

  private func step(
    at cut: Int, between lower: Int, _ upper: Int, _ fit: LineFit, _ curves: [LineFit],
    _ values: [Double]
  ) -> Step? {
    let height = fit.jump(lower, cut, upper)
    guard abs(height) >= Self.smallestShare * abs(values[cut - 1]) else { return nil }
    var places: [Int] = []
    var heights: [Double] = []
    for curve in curves {
      let place = curve.bestCut(lower, upper)
      places.append(place)
      heights.append(curve.jump(lower, place, upper))
    }
    places.sort()
    heights.sort()
    let interval =
      heights.isEmpty
      ? Interval(lower: height, upper: height)
      : Interval(
        lower: quantile(0.025, ofSorted: heights), upper: quantile(0.975, ofSorted: heights))
    guard !interval.contains(0) else { return nil }
    let first = places.isEmpty ? cut : min(cut, places[places.count / 40])
    let last = places.isEmpty ? cut : max(cut, places[places.count - 1 - places.count / 40])
    return Step(
      before: positions[cut - 1], after: positions[cut],
      location: positions[first - 1]...positions[last], height: height, heightInterval: interval)
  }

  /// The variance of one point around a smooth curve: the larger of two estimates.
  ///
  /// One uses the second differences, whose median is not affected by a few jumps; the other uses
  /// the spread of the resampled curves, which shows noise that neighboring points share.
  private func noiseVariance(of values: [Double], resampled: [[Double]]) -> Double {
    var seconds: [Double] = []
    for i in 1..<(values.count - 1) {
      let share = (x[i] - x[i - 1]) / (x[i + 1] - x[i - 1])
      let expected = values[i - 1] + share * (values[i + 1] - values[i - 1])
      let scale = 1 + share * share + (1 - share) * (1 - share)
      seconds.append(abs(values[i] - expected) / scale.squareRoot())
    }
    seconds.sort()
    // 0.6745: the median of a standard normal number's magnitude.
    let local = quantile(0.5, ofSorted: seconds) / 0.6745
    var spread = 0.0
    if resampled.count > 1 {
      let variances = values.indices.map { i in
        resampled.reduce(0) { $0 + ($1[i] - values[i]) * ($1[i] - values[i]) }
          / Double(resampled.count)
      }.sorted()
      spread = quantile(0.5, ofSorted: variances)
    }
    let scale = values.reduce(0) { max($0, abs($1)) }
    // Curves without any noise still need a penalty above rounding.
    return max(local * local, spread, scale * scale * 1e-12)
  }
}

/// Least-squares lines over any range of points in O(1), from running sums.
private struct LineFit {
  private var sums: [(x: Double, y: Double, xx: Double, xy: Double, yy: Double)] = [(0, 0, 0, 0, 0)]
  private let x: [Double]
  /// Subtracted from every value, against cancellation.
  private let level: Double

  init(_ x: [Double], _ values: [Double]) {
    self.x = x
    level = values.reduce(0, +) / Double(max(1, values.count))
    sums.reserveCapacity(x.count + 1)
    for (a, value) in zip(x, values) {
      let b = value - level
      let last = sums[sums.count - 1]
      sums.append(
        (last.x + a, last.y + b, last.xx + a * a, last.xy + a * b, last.yy + b * b))
    }
  }

  private func line(_ range: Range<Int>) -> (slope: Double, center: Double, mean: Double) {
    let (from, to) = (sums[range.lowerBound], sums[range.upperBound])
    let n = Double(range.count)
    let center = (to.x - from.x) / n
    let mean = (to.y - from.y) / n
    let spread = to.xx - from.xx - n * center * center
    let joint = to.xy - from.xy - n * center * mean
    return (spread > 1e-9 ? joint / spread : 0, center, mean)
  }

  /// The sum of squared residuals over a range.
  func residual(_ range: Range<Int>) -> Double {
    let (from, to) = (sums[range.lowerBound], sums[range.upperBound])
    let n = Double(range.count)
    let (slope, center, mean) = line(range)
    let joint = to.xy - from.xy - n * center * mean
    return max(0, to.yy - from.yy - n * mean * mean - slope * joint)
  }

  /// The sum of squared residuals over a range around a line of that slope.
  private func residual(_ range: Range<Int>, slope: Double) -> Double {
    let (from, to) = (sums[range.lowerBound], sums[range.upperBound])
    let (_, center, mean) = line(range)
    let n = Double(range.count)
    let spread = to.xx - from.xx - n * center * center
    let joint = to.xy - from.xy - n * center * mean
    return max(
      0, to.yy - from.yy - n * mean * mean - 2 * slope * joint + slope * slope * spread)
  }

  /// The slopes of both sides of a cut.
  ///
  /// One point, and the first or the last two of all points, have the slope of the other side: with
  /// a separate line, a jump would look like a slope.
  private func slopes(_ lower: Int, _ cut: Int, _ upper: Int) -> (left: Double, right: Double) {
    let (left, right) = (line(lower..<cut).slope, line(cut..<upper).slope)
    if cut - lower <= (lower == 0 ? 2 : 1) { return (right, right) }
    if upper - cut <= (upper == x.count ? 2 : 1) { return (left, left) }
    return (left, right)
  }

  /// How far the lines of both sides are apart midway between the points next to `cut`.
  func jump(_ lower: Int, _ cut: Int, _ upper: Int) -> Double {
    let middle = (x[cut - 1] + x[cut]) / 2
    var (left, right) = (line(lower..<cut), line(cut..<upper))
    (left.slope, right.slope) = slopes(lower, cut, upper)
    return right.mean + right.slope * (middle - right.center)
      - left.mean - left.slope * (middle - left.center)
  }

  /// The cut of a range into two pieces that leaves the smallest residual; pieces have two points
  /// or more, but for the first and the last point of all, and slopes as in `jump`.
  func bestCut(_ lower: Int, _ upper: Int) -> Int {
    let first = lower == 0 ? 1 : lower + 2
    let last = upper == x.count ? upper - 1 : upper - 2
    var best = (cost: Double.infinity, cut: first)
    for cut in first...max(first, last) {
      let slopes = slopes(lower, cut, upper)
      let cost =
        residual(lower..<cut, slope: slopes.left) + residual(cut..<upper, slope: slopes.right)
      if cost < best.cost { best = (cost, cut) }
    }
    return best.cut
  }
}
