import Foundation
import Support

/// The outcomes of two classifiers on the same images: the four cells of their agreement table.
package struct PairedOutcomes: Hashable, Sendable {
  /// Images that both classify correctly.
  package var both: Int
  /// Images that only the first (the baseline) classifies correctly.
  package var onlyFirst: Int
  /// Images that only the second (the method) classifies correctly.
  package var onlySecond: Int
  /// Images that neither classifies correctly.
  package var neither: Int

  package init(both: Int = 0, onlyFirst: Int = 0, onlySecond: Int = 0, neither: Int = 0) {
    self.both = both
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
    self.neither = neither
  }

  /// Adds one image.
  package mutating func count(first: Bool, second: Bool) {
    switch (first, second) {
    case (true, true): both += 1
    case (true, false): onlyFirst += 1
    case (false, true): onlySecond += 1
    case (false, false): neither += 1
    }
  }

  package var images: Int { both + onlyFirst + onlySecond + neither }

  /// Accuracy of the second minus that of the first, as a fraction; `nil` without images.
  package var difference: Double? {
    images > 0 ? Double(onlySecond - onlyFirst) / Double(images) : nil
  }

  /// McNemar's two-sided mid-p value: twice the smaller binomial tail of the discordant images, in
  /// which the observed table counts half, so that it is less conservative than the exact test.
  ///
  /// Edge cases: 1 when no image is discordant or both tails are equal.
  /// Source: Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013) 91.
  package var midP: Double {
    guard onlyFirst != onlySecond else { return 1 }
    let tail = lowerTail()
    return min(1, 2 * tail.cumulative - tail.last)
  }

  /// P(X ≤ k) and P(X = k) for X ~ Binomial(n, ½), where k is the smaller discordant cell.
  private func lowerTail() -> (cumulative: Double, last: Double) {
    let n = Double(onlyFirst + onlySecond)
    let k = min(onlyFirst, onlySecond)
    // Logarithms, since ½ⁿ underflows beyond a thousand discordant images.
    var logProbability = -n * log(2)
    var cumulative = exp(logProbability)
    for i in 0..<k {
      logProbability += log((n - Double(i)) / Double(i + 1))
      cumulative += exp(logProbability)
    }
    let last = exp(logProbability)
    return (min(cumulative, 1), last)
  }

  /// The 95 % percentile bootstrap interval of `difference`, images resampled in pairs.
  ///
  /// Only the counts matter, so a replicate draws the discordant cells from their multinomial
  /// distribution instead of resampling images. `nil` without images.
  /// Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
  package func differenceInterval(
    replicates: Int = 4000, using generator: inout SplitMix64
  ) -> Interval? {
    guard images > 0 else { return nil }
    let n = Double(images)
    let first = Double(onlyFirst) / n
    let second = onlyFirst == images ? 0 : Double(onlySecond) / Double(images - onlyFirst)
    var differences: [Double] = []
    differences.reserveCapacity(replicates)
    for _ in 0..<replicates {
      let lost = generator.binomial(trials: images, p: first)
      let won = generator.binomial(trials: images - lost, p: second)
      differences.append(Double(won - lost) / n)
    }
    differences.sort()
    return Interval(
      lower: quantile(0.025, ofSorted: differences), upper: quantile(0.975, ofSorted: differences))
  }
}
