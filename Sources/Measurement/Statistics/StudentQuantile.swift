/// The 97.5 % point of Student's distribution.
package enum Student {
  /// For 1 to 10 degrees of freedom, by standard tables.
  private static let few = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281,
  ]

  /// The point below which 97.5 % of the distribution lie; at least one degree of freedom.
  ///
  /// Accuracy: 2e-4. Source: Cornish and Fisher's expansion, as in Abramowitz and Stegun 26.7.5.
  package static func quantile975(degrees: Int) -> Double {
    precondition(degrees >= 1, "Student's distribution has a degree of freedom")
    if degrees <= few.count { return few[degrees - 1] }
    let z = Interval.normal95
    let v = Double(degrees)
    let cube = z * z * z
    let fifth = cube * z * z
    return z + (cube + z) / (4 * v) + (5 * fifth + 16 * cube + 3 * z) / (96 * v * v)
      + (3 * fifth * z * z + 19 * fifth + 17 * cube - 15 * z) / (384 * v * v * v)
  }
}
