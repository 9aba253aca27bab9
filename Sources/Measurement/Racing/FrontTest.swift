import Foundation

/// Tests whether a classifier is off the front, that is, whether any of its rivals, none of which
/// is slower, is more accurate over the whole data set; valid at any time of a race.
///
/// If no rival is more accurate, a bet on a rival (`BettingCapital` of a difference of 0) has no
/// expected gain, and neither has a gambler who moves before each batch to the rival that has led
/// so far. Half of the stake goes to this gambler, the other half is divided evenly among the
/// rivals:
///
///     E = ½ mean over rivals of K(rival) + ½ Π_batches (leader's factor)
///
/// is a nonnegative supermartingale and exceeds 1/α at any time with probability at most α,
/// however many rivals there are.
package struct FrontTest: Sendable {
  private var rivals: [BettingCapital]
  /// The capital of the moving gambler, by the share of its bets.
  private var moving: [Double]
  private let threshold: Double
  /// The rival that leads; `nil` until the classifier is off the front.
  package private(set) var leader: Int?

  /// - Parameters:
  ///   - population: Images of the data set.
  ///   - rivals: The number of rivals, which are never slower.
  package init(population: Int, rivals: Int, alpha: Double = ConfidenceSequence.alpha) {
    self.rivals = Array(
      repeating: BettingCapital(population: population, candidate: 0), count: rivals)
    moving = BettingCapital.shares(of: population).map { _ in 0 }
    threshold = -log(alpha)
  }

  /// Adds the next batch: how each rival differs from the classifier, `nil` for a rival without
  /// this batch.
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
