import Foundation

/// The block length for a bootstrap of dependent values.
///
/// The automatic choice for the stationary bootstrap: the autocovariances R(k) up to twice the lag
/// from which none is noticeable, tapered, give
///
///     b = (2·g² / d)^(1/3) · n^(1/3)    g = Σ λ(k/M)·|k|·R(k)    d = 2·(Σ λ(k/M)·R(k))²
///
/// Source: Politis and White, Econometric Reviews 23 (2004) 53–70, with the correction of Patton,
/// Politis and White, Econometric Reviews 28 (2009) 372–375; constants as in their
/// `opt_block_length`.
package enum BlockLength {
  /// The mean block length for `values` in the order taken, at least 1 and at most a third of them.
  ///
  /// Edge cases: 1 for fewer than four values and for values that are all equal.
  package static func stationary(_ values: [Double]) -> Double {
    let n = values.count
    guard n >= 4 else { return 1 }
    let mean = values.reduce(0, +) / Double(n)
    let centered = values.map { $0 - mean }
    func covariance(_ lag: Int) -> Double {
      var sum = 0.0
      for i in 0..<(n - lag) { sum += centered[i] * centered[i + lag] }
      return sum / Double(n)
    }
    let variance = covariance(0)
    guard variance > 1e-300 else { return 1 }
    let run = max(5, Int(log10(Double(n)).squareRoot().rounded(.up)))
    let longest = min(n - 1, Int(Double(n).squareRoot().rounded(.up)) + run)
    let covariances = (0...longest).map(covariance)
    let noticeable = 2 * (log10(Double(n)) / Double(n)).squareRoot()
    // The first lag after which `run` consecutive autocorrelations are not significant. A
    // correlation of neighbors counts even if there are too few values for significance, because
    // blocks that are too short make an interval too narrow.
    var last = covariances[1] > 0 ? 1 : 0
    for lag in 1...longest where abs(covariances[lag] / variance) > noticeable {
      if lag - last > run { break }
      last = lag
    }
    guard last > 0 else { return 1 }
    let bandwidth = min(2 * last, longest)
    var slope = 0.0
    var spectrum = covariances[0]
    for lag in 1...bandwidth {
      let taper = min(1, 2 * (1 - Double(lag) / Double(bandwidth)))
      slope += 2 * taper * Double(lag) * covariances[lag]
      spectrum += 2 * taper * covariances[lag]
    }
    guard spectrum > 0 else { return 1 }
    let length = pow(slope * slope / (spectrum * spectrum) * Double(n), 1.0 / 3)
    return min(max(length, 1), Double(n) / 3)
  }

  /// The mean block length for the rounds of a measurement, at least n^(1/3).
  ///
  /// A few dozen rounds cannot show that they are independent, and blocks of order n^(1/3) cost
  /// little if they are. Source: Hall, Horowitz and Jing, Biometrika 82 (1995) 561–574.
  package static func ofRounds(_ values: [Double]) -> Double {
    max(pow(Double(values.count), 1.0 / 3), stationary(values))
  }
}
