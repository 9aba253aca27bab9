import Foundation

/// Whether a classifier is off the front, that is whether any of its rivals, none of which is
/// slower, is more accurate over a whole data set; decided at any time of a race.
///
/// Were no rival more accurate, each bet on one (`BettingCapital` of a difference of 0) would be
/// expected to gain nothing, and so would a gambler who moves before each batch to the rival that
/// has led so far. Half of the stake goes to him, the other half evenly to the rivals:
///
///     E = ½ mean over rivals of K(rival) + ½ Π_batches (leader's factor)
///
/// is a nonnegative supermartingale and exceeds 1/α at any time with probability at most α,
/// however many rivals there are.
package struct FrontTest: Sendable {
  private var rivals: [BettingCapital]
  /// The capital that moves, by the share of its bets.
  private var moving: [Double]
  private let threshold: Double
  /// The rival that leads; `nil` until the classifier is off the front.
  package private(set) var leader: Int?

  /// - Parameters:
  ///   - population: Images of the data set.
  ///   - rivals: How many are nowhere slower.
  package init(population: Int, rivals: Int, alpha: Double = ConfidenceSequence.alpha) {
    self.rivals = Array(
      repeating: BettingCapital(population: population, candidate: 0), count: rivals)
    moving = BettingCapital.shares(of: population).map { _ in 0 }
    threshold = -log(alpha)
  }

  /// Takes the next batch in: how each rival differs from the classifier, `nil` of one that was not
  /// asked for it.
  package mutating func add(_ batches: [PairedBatch?]) {
    precondition(batches.count == rivals.count, "a batch for each rival")
    guard leader == nil else { return }
    let racing = batches.indices.filter { batches[$0] != nil }
    if let first = leading(racing), let batch = batches[first] {
      for (index, factor) in rivals[first].factors(batch).enumerated() { moving[index] += factor }
    }
    for index in racing {
      if let batch = batches[index] { rivals[index].add(batch) }
    }
    guard !rivals.isEmpty, logarithm >= threshold else { return }
    leader = leading(Array(rivals.indices))
  }

  /// ln E; 0 without rivals.
  package var logarithm: Double {
    guard !rivals.isEmpty else { return 0 }
    return BettingCapital.logarithmOfMean([
      BettingCapital.logarithmOfMean(rivals.map(\.logarithm)),
      BettingCapital.logarithmOfMean(moving),
    ])
  }

  /// The first of the rivals with the most capital.
  private func leading(_ indices: [Int]) -> Int? {
    let capitals = indices.map { rivals[$0].logarithm }
    return capitals.max().flatMap { capitals.firstIndex(of: $0) }.map { indices[$0] }
  }
}
