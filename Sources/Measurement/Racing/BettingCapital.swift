import Foundation

/// The capital of a gambler who bets, batch after batch, that the mean of a finite population of
/// values −1, 0 and 1 is above a candidate.
///
/// Images come in random order without replacement. If the candidate T/N is correct, then after n
/// images with sum S the remaining images have the mean R = (T − S)/(N − n), and a bet multiplies
/// the capital by 1 + λ(x − R) for each image x of the next batch, 0 < λ < 1/(1 + R):
///
///     K = mean over f of Π_batches Π_x (1 + f/(1 + R)·(x − R))    f fixed, log-spaced in (0, 1)
///
/// λ is fixed before a batch, so a batch multiplies the capital by a product over draws without
/// replacement of positive numbers whose population mean is 1. By Maclaurin's inequality its
/// expectation is at most 1: K is a nonnegative supermartingale with K₀ = 1, and exceeds 1/α at any
/// time with probability at most α (Ville). Every factor falls as T rises, so the candidates that
/// are not refuted form an interval.
///
/// Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
/// Journal of the Royal Statistical Society B 86 (2024) 1–27, arXiv:2010.09686, section 5 on
/// sampling without replacement. Differs: bets are constant for a batch, and a mixture of fixed
/// shares replaces the plug-in estimator, which needs at most a tenth fewer images and whose
/// factors do not decrease with T.
package struct BettingCapital: Sendable {
  /// The shares f of the largest bet, for a number of images.
  ///
  /// Against a candidate that n images of variance v can refute, the best share is about √(2
  /// ln(2/α) / vn); with v at most a quarter, a share below √(30 / N) does not pay off before all
  /// images are seen. Each share uses a part of the stake and so costs some images, so there are
  /// few.
  static func shares(of population: Int) -> [Double] {
    let (low, high) = (min(0.5, (30 / Double(max(1, population))).squareRoot()), 0.95)
    let steps = max(1, (log(high / low) / log(2.8)).rounded(.up))
    return (0...Int(steps)).map { low * pow(high / low, Double($0) / steps) }
  }

  let population: Int
  /// The candidate's sum over the population.
  let candidate: Int
  private let shares: [Double]
  private var logarithms: [Double]
  private var sum = 0
  private var seen = 0
  /// Whether the seen images contradict the candidate with certainty.
  private var isImpossible = false

  package init(population: Int, candidate: Int) {
    self.init(population: population, candidate: candidate, shares: Self.shares(of: population))
  }

  /// The same, with precomputed shares for that number of images.
  init(population: Int, candidate: Int, shares: [Double]) {
    self.population = population
    self.candidate = candidate
    self.shares = shares
    logarithms = Array(repeating: 0, count: shares.count)
  }

  /// The logarithms of the factors by which the next batch would multiply the capital of each
  /// share.
  func factors(_ batch: PairedBatch) -> [Double] {
    let mean = Double(candidate - sum) / Double(max(1, population - seen))
    return shares.map { share in
      // If all remaining values should be −1, any bet is safe: it wins everything or changes
      // nothing.
      let won = mean > -1 ? log1p(share * (1 - mean) / (1 + mean)) : .infinity
      let alike = mean > -1 ? log1p(-share * mean / (1 + mean)) : .infinity
      let lost = mean > -1 ? log1p(-share) : 0
      let parts = [(batch.won, won), (batch.alike, alike), (batch.lost, lost)]
      return parts.reduce(0) { $1.0 > 0 ? $0 + Double($1.0) * $1.1 : $0 }
    }
  }

  /// Bets on the next batch.
  package mutating func add(_ batch: PairedBatch) {
    precondition(
      batch.images <= population - seen, "a race has no more images than its population")
    if batch.images > 0, !isImpossible {
      for (index, factor) in factors(batch).enumerated() { logarithms[index] += factor }
    }
    sum += batch.sum
    seen += batch.images
    if candidate - sum < -(population - seen) { isImpossible = true }
  }

  /// ln K.
  package var logarithm: Double {
    isImpossible ? .infinity : Self.logarithmOfMean(logarithms)
  }

  /// The logarithm of the mean of numbers that are given by theirs.
  static func logarithmOfMean(_ logarithms: [Double]) -> Double {
    guard let most = logarithms.max(), most.isFinite else { return logarithms.max() ?? 0 }
    return most + log(logarithms.reduce(0) { $0 + exp($1 - most) } / Double(logarithms.count))
  }
}
