import Foundation

/// Whether one classifier is more accurate than another over a whole data set, decided at any time
/// of a race.
package struct LeadTest: Sendable {
  private var capital: BettingCapital
  private let threshold: Double
  /// Whether the second classifier leads; once it does it stays so.
  package private(set) var isDecided = false

  /// - Parameters:
  ///   - population: Images of the data set.
  ///   - comparisons: How many such tests may each end a method's race: each has its part of the
  ///     error.
  package init(
    population: Int, comparisons: Int, alpha: Double = ConfidenceSequence.alpha
  ) {
    capital = BettingCapital(population: population, candidate: 0)
    threshold = log(Double(max(comparisons, 1)) / alpha)
  }

  /// Takes the next batch in.
  package mutating func add(_ batch: PairedBatch) {
    guard !isDecided else { return }
    capital.add(batch)
    isDecided = capital.logarithm >= threshold
  }
}
