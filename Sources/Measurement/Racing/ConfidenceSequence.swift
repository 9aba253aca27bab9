import Foundation

/// Intervals for the mean difference of two classifiers over a whole data set, from its images in
/// random order, that are all valid simultaneously with a stated confidence: one may look after
/// every batch and stop at any time.
///
/// A candidate remains as long as neither the gambler who bets on a larger difference nor the one
/// who bets on a smaller one (`BettingCapital`) has turned 1 into 2/α. The intervals are for the
/// finite data set: once every image is seen, the difference is known.
package struct ConfidenceSequence: Sendable {
  /// 1 − the confidence.
  package static let alpha = 0.05

  package let population: Int
  package let alpha: Double
  private(set) var batches: [PairedBatch] = []
  /// Sums over the population that are not refuted.
  private var lowest: Int
  private var highest: Int

  package init(population: Int, alpha: Double = ConfidenceSequence.alpha) {
    self.population = population
    self.alpha = alpha
    lowest = -population
    highest = population
  }

  package var images: Int { batches.reduce(0) { $0 + $1.images } }

  /// The mean difference of the images so far, a fraction; 0 without any.
  package var estimate: Double {
    images > 0 ? Double(batches.reduce(0) { $0 + $1.sum }) / Double(images) : 0
  }

  /// The difference over all images, a fraction, with both ends inside.
  package var interval: Interval {
    let n = Double(max(population, 1))
    return Interval(lower: Double(lowest) / n, upper: Double(highest) / n)
  }

  package var halfWidth: Double { (interval.upper - interval.lower) / 2 }

  /// Adds the next batch.
  package mutating func add(_ batch: PairedBatch) {
    batches.append(batch)
    let low = Self.lowest(of: batches, population, alpha, from: lowest, to: highest)
    let high = -Self.lowest(
      of: batches.map(\.exchanged), population, alpha, from: -highest, to: -lowest)
    // Crossing ends are one of the cases, with probability α, in which an interval fails.
    guard low <= high else { return }
    (lowest, highest) = (low, high)
  }

  /// Adds batches but looks only after the last one: much less work, and hardly wider intervals.
  package mutating func add(joined batches: [PairedBatch]) {
    guard let last = batches.last else { return }
    self.batches += batches.dropLast()
    add(last)
  }

  /// The smallest sum from `first` on that the gambler who bets on more has not refuted.
  private static func lowest(
    of batches: [PairedBatch], _ population: Int, _ alpha: Double, from first: Int, to last: Int
  ) -> Int {
    let shares = BettingCapital.shares(of: population)
    func isRefuted(_ candidate: Int) -> Bool {
      var capital = BettingCapital(population: population, candidate: candidate, shares: shares)
      for batch in batches { capital.add(batch) }
      return capital.logarithm >= log(2 / alpha)
    }
    guard isRefuted(first) else { return first }
    var (refuted, kept) = (first, last + 1)
    while kept - refuted > 1 {
      let middle = refuted + (kept - refuted) / 2
      if isRefuted(middle) { refuted = middle } else { kept = middle }
    }
    return kept
  }
}
