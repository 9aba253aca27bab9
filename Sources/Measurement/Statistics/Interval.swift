import Foundation

/// A closed range that contains an unknown value with a stated confidence.
package struct Interval: Hashable, Sendable {
  package var lower: Double
  package var upper: Double

  package init(lower: Double, upper: Double) {
    self.lower = lower
    self.upper = upper
  }

  /// Whether `value` lies inside, including the ends.
  package func contains(_ value: Double) -> Bool { lower <= value && value <= upper }

  /// The interval with both ends multiplied by `factor`, which is positive.
  package func scaled(by factor: Double) -> Interval {
    Interval(lower: lower * factor, upper: upper * factor)
  }

  /// The 97.5 % point of the standard normal distribution.
  package static let normal95 = 1.959963984540054

  /// Wilson's 95 % score interval of a proportion, within 0…1.
  ///
  ///     center ± half = (p̂ + z²/2n ± z·√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n)
  ///
  /// Edge cases: `nil` for no trials; 0 successes give the exact lower end 0, all successes the
  /// exact upper end 1. `successes` outside 0…`trials` is a programming error.
  /// Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927) 209–212.
  package static func wilson(successes: Int, trials: Int) -> Interval? {
    precondition((0...max(trials, 0)).contains(successes), "successes must lie in 0…trials")
    guard trials > 0 else { return nil }
    let n = Double(trials)
    let p = Double(successes) / n
    let z = normal95
    let center = p + z * z / (2 * n)
    let half = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    return Interval(
      lower: successes == 0 ? 0 : (center - half) / scale,
      upper: successes == trials ? 1 : (center + half) / scale)
  }
}
