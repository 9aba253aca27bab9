import Foundation

/// The capital of a gambler who bets, batch after batch, that the mean of a finite population of
/// values −1, 0 and 1 is above a candidate.
///
/// Images come in random order without replacement. Were the candidate T/N right, the images that
/// are left after sum S of n would have the mean R = (T − S)/(N − n), and a bet multiplies the
/// capital by 1 + λ(x − R) for each image x of the next batch, 0 < λ < 1/(1 + R):
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
/// sampling without replacement. Differs: bets are held for a batch, and a mixture of fixed shares
/// takes the place of a plug-in, which is as tight within a tenth and needs no tuning.
package struct BettingCapital: Sendable {
  /// The shares f of the largest bet.
  static let shares: [Double] = {
    let (low, high, count) = (0.005, 0.95, 14)
    return (0..<count).map { low * pow(high / low, Double($0) / Double(count - 1)) }
  }()

  let population: Int
  /// The candidate's sum over the population.
  let candidate: Int
  private var logarithms = [Double](repeating: 0, count: shares.count)
  private var sum = 0
  private var seen = 0
  /// Whether what was seen contradicts the candidate for certain.
  private var isImpossible = false

  package init(population: Int, candidate: Int) {
    self.population = population
    self.candidate = candidate
  }

  /// Bets on the next batch.
  package mutating func add(_ batch: PairedBatch) {
    let left = population - seen
    precondition(batch.images <= left, "a race has no more images than its population")
    defer {
      sum += batch.sum
      seen += batch.images
      if candidate - sum < -(population - seen) { isImpossible = true }
    }
    guard batch.images > 0, !isImpossible else { return }
    let mean = Double(candidate - sum) / Double(left)
    for (index, share) in Self.shares.enumerated() {
      // Where all that is left should be −1, any bet is safe: it wins all or changes nothing.
      let won = mean > -1 ? log1p(share * (1 - mean) / (1 + mean)) : .infinity
      let alike = mean > -1 ? log1p(-share * mean / (1 + mean)) : .infinity
      let lost = mean > -1 ? log1p(-share) : 0
      let parts = [(batch.won, won), (batch.alike, alike), (batch.lost, lost)]
      logarithms[index] += parts.reduce(0) { $1.0 > 0 ? $0 + Double($1.0) * $1.1 : $0 }
    }
  }

  /// ln K.
  package var logarithm: Double {
    guard !isImpossible, let most = logarithms.max(), most < .infinity else { return .infinity }
    let total = logarithms.reduce(0) { $0 + exp($1 - most) }
    return most + log(total / Double(logarithms.count))
  }
}
