import Foundation

/// Maps a quantity to a position: linearly, or logarithmically if it spans more than a decade.
struct Scale: Sendable {
  let isLogarithmic: Bool
  /// The values at both ends.
  let lower: Double
  let upper: Double
  /// The positions of both ends, in pixels; the second may be the smaller.
  let start: Double
  let end: Double
  /// Values with a tick and a label.
  let ticks: [Double]

  /// A scale that shows `values` with margins at both ends, and ticks at round numbers.
  ///
  /// - Parameters:
  ///   - values: The values to show: at least one, finite, and positive if `allowsLogarithm`.
  ///   - positions: The ends in pixels.
  ///   - spacing: The minimum distance of ticks in pixels.
  ///   - limits: Values that the margins do not exceed, for example 0…100 percent.
  ///   - allowsLogarithm: Whether a span of more than a decade is drawn logarithmically.
  init(
    showing values: [Double], from start: Double, to end: Double, spacing: Double = 44,
    limits: ClosedRange<Double> = -.infinity ... .infinity, allowsLogarithm: Bool = false
  ) {
    let low = values.min() ?? 0
    let high = values.max() ?? 1
    self.start = start
    self.end = end
    let wanted = max(2, abs(end - start) / spacing)
    isLogarithmic = allowsLogarithm && low > 0 && high > 10 * low
    if isLogarithmic {
      let room = pow(high / low, 0.06)
      lower = low / room
      upper = high * room
      ticks = Self.logarithmicTicks(lower, upper, wanted: wanted)
    } else {
      // Values that are all equal still need a span.
      let span = high > low ? high - low : max(abs(high) * 0.1, 1e-3)
      lower = max(limits.lowerBound, min(low, low - 0.06 * span))
      upper = min(limits.upperBound, max(high, high + 0.06 * span))
      ticks = Self.linearTicks(lower, upper, wanted: wanted)
    }
  }

  /// The position of `value`.
  func callAsFunction(_ value: Double) -> Double {
    let share =
      isLogarithmic ? log(value / lower) / log(upper / lower) : (value - lower) / (upper - lower)
    return start + share * (end - start)
  }

  /// Multiples of 1, 2, 2.5 or 5 times a power of ten: the step whose ticks come closest to
  /// `wanted`.
  static func linearTicks(_ lower: Double, _ upper: Double, wanted: Double) -> [Double] {
    let power = pow(10, log10((upper - lower) / wanted).rounded(.down))
    // 2.5 needs one more digit than its neighbors, so it must fit clearly better.
    let steps = [(1.0, 0.0), (2, 0), (2.5, 0.5), (5, 0), (10, 0)]
    let step = steps.min { a, b in
      abs((upper - lower) / (a.0 * power) - wanted) + a.1
        < abs((upper - lower) / (b.0 * power) - wanted) + b.1
    }.map { $0.0 * power }
    guard let step else { return [] }
    let first = Int((lower / step - 1e-9).rounded(.up))
    let last = Int((upper / step + 1e-9).rounded(.down))
    guard first <= last else { return [] }
    return (first...last).map { Double($0) * step }
  }

  /// 1, 2 and 5 of each decade, fewer if they would be too close.
  static func logarithmicTicks(_ lower: Double, _ upper: Double, wanted: Double) -> [Double] {
    let decades = Int(log10(lower).rounded(.down))...Int(log10(upper).rounded(.up))
    for digits in [[1.0, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]] {
      let ticks = decades.flatMap { decade in digits.map { $0 * pow(10, Double(decade)) } }
        .filter { lower <= $0 && $0 <= upper }
      if Double(ticks.count) <= wanted + 1.5 { return ticks }
    }
    return decades.map { pow(10, Double($0)) }.filter { lower <= $0 && $0 <= upper }
  }

  /// The label of a tick, with as many decimals as the ticks need.
  func label(_ tick: Double) -> String {
    if isLogarithmic { return trimmed(tick, digits: 3) }
    let step = ticks.count > 1 ? ticks[1] - ticks[0] : abs(tick)
    let text = trimmed(step, digits: 6)
    let digits = text.firstIndex(of: ".").map { text[$0...].count - 1 } ?? 0
    return fixed(tick, digits: digits)
  }
}
