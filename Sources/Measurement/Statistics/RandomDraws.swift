import Foundation
import Support

/// Random numbers of some distributions.
extension SplitMix64 {
  /// A uniform number in the open interval (0, 1).
  package mutating func uniform() -> Double {
    (Double(next() >> 11) + 0.5) * 0x1p-53
  }

  /// A uniform integer in 0..<`bound`, by multiplication (bias below `bound`/2⁶⁴).
  package mutating func below(_ bound: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// A standard normal number (Box and Muller).
  package mutating func normal() -> Double {
    (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform())
  }

  /// A Gamma(`shape`, 1) number for `shape` ≥ 1.
  ///
  /// Source: Marsaglia and Tsang, ACM Transactions on Mathematical Software 26 (2000) 363–372.
  mutating func gamma(shape: Double) -> Double {
    precondition(shape >= 1, "the method holds for shapes of at least 1")
    let d = shape - 1.0 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = normal()
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      if v > 0, log(uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
    }
  }

  /// A Binomial(`trials`, `p`) number in O(log `trials`), by splitting at a beta-distributed order
  /// statistic of the uniform draws.
  ///
  /// Source: Ahrens and Dieter, Computing 12 (1974) 223–246, as in the GNU Scientific Library.
  package mutating func binomial(trials: Int, p: Double) -> Int {
    guard p > 0 else { return 0 }
    guard p < 1 else { return trials }
    var n = trials
    var p = p
    var successes = 0
    while n > 16 {
      let a = 1 + n / 2
      let b = n + 1 - a
      let first = gamma(shape: Double(a))
      let x = first / (first + gamma(shape: Double(b)))
      if x >= p {
        n = a - 1
        p /= x
      } else {
        successes += a
        n = b - 1
        p = (p - x) / (1 - x)
      }
    }
    for _ in 0..<n where uniform() < p { successes += 1 }
    return successes
  }
}
