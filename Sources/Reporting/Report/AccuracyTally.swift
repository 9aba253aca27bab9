import Measurement
import Records

/// Which images of a data set were classified correctly, merged from the records of its shards.
///
/// Each image counts once, even if several shards contain it: the first record wins. Takes 13 bytes
/// per image.
package struct AccuracyTally: Sendable {
  private static let seen: UInt8 = 1
  private static let top1: UInt8 = 2
  private static let top5: UInt8 = 4

  /// By position in the data set.
  private var outcomes: [UInt8] = []
  /// The top-1 class, and a digest of the kept tokens (0 if it is not known).
  private var bestClass: [Int32] = []
  private var keptTokens: [UInt32] = []
  /// By position in the data set; −1 for images that were not seen.
  private var labels: [Int32] = []
  private var skippedPaths: Set<String> = []
  /// The image ranges of the records that were added, including skipped images.
  private(set) var shards: Set<Range<Int>> = []
  package private(set) var images = 0
  package private(set) var top1Correct = 0
  package private(set) var top5Correct = 0
  package private(set) var cost: ForwardCost?

  package init() {}

  /// Images that could not be read and were left out.
  package var skipped: Int { skippedPaths.count }

  /// Adds the images of a shard that no earlier shard contained.
  package mutating func add(_ result: AccuracyResult, of shard: Range<Int>? = nil) {
    if let shard { shards.insert(shard) }
    cost = cost ?? result.cost
    skippedPaths.formUnion(result.skipped.map(\.path))
    let known = min(result.topFive.count, result.labels.count, result.imageIndices.count)
    for i in 0..<known where result.imageIndices[i] >= 0 {
      let index = result.imageIndices[i]
      if index >= outcomes.count {
        let room = max(index + 1, outcomes.count * 2)
        outcomes.append(contentsOf: repeatElement(0, count: room - outcomes.count))
        bestClass.append(contentsOf: repeatElement(-1, count: room - bestClass.count))
        keptTokens.append(contentsOf: repeatElement(0, count: room - keptTokens.count))
        labels.append(contentsOf: repeatElement(-1, count: room - labels.count))
      }
      guard outcomes[index] == 0 else { continue }
      let first = result.topFive.isTop1(i, result.labels[i])
      let anyOfFive = result.topFive.isTop5(i, result.labels[i])
      outcomes[index] = Self.seen | (first ? Self.top1 : 0) | (anyOfFive ? Self.top5 : 0)
      bestClass[index] = Int32(clamping: result.topFive.best(i) ?? -1)
      labels[index] = Int32(clamping: result.labels[i])
      if let kept = result.keptTokens, i < kept.count { keptTokens[index] = kept[i] }
      images += 1
      top1Correct += first ? 1 : 0
      top5Correct += anyOfFive ? 1 : 0
    }
  }

  /// Images of a class, and those classified correctly.
  package struct ClassCount: Hashable, Sendable {
    package private(set) var images = 0
    package private(set) var correct = 0

    fileprivate mutating func count(isCorrect: Bool) {
      images += 1
      correct += isCorrect ? 1 : 0
    }
  }

  /// The counts of each class that was seen, by its number.
  package var byClass: [Int: ClassCount] {
    var counts: [Int: ClassCount] = [:]
    for (label, outcome) in zip(labels, outcomes) where outcome & Self.seen != 0 && label >= 0 {
      counts[Int(label), default: ClassCount()].count(isCorrect: outcome & Self.top1 != 0)
    }
    return counts
  }

  /// Whether each image that all `tallies` contain was classified correctly: one list per tally,
  /// over the same images.
  package static func sharedOutcomes(_ tallies: [AccuracyTally]) -> [[Bool]] {
    let length = tallies.map(\.outcomes.count).min() ?? 0
    let shared = (0..<length).filter { image in
      tallies.allSatisfy { $0.outcomes[image] & seen != 0 }
    }
    return tallies.map { tally in shared.map { tally.outcomes[$0] & top1 != 0 } }
  }

  /// The number of images that both contain, of those with the same top-1 class, and of those whose
  /// kept tokens differ; `nil` for the last if it was not recorded.
  package func agreement(
    with other: AccuracyTally
  ) -> (images: Int, sameClass: Int, otherTokens: Int?) {
    var (images, sameClass, known, differing) = (0, 0, 0, 0)
    for image in 0..<min(outcomes.count, other.outcomes.count)
    where outcomes[image] & Self.seen != 0 && other.outcomes[image] & Self.seen != 0 {
      images += 1
      if bestClass[image] == other.bestClass[image] { sameClass += 1 }
      guard keptTokens[image] != 0, other.keptTokens[image] != 0 else { continue }
      known += 1
      if keptTokens[image] != other.keptTokens[image] { differing += 1 }
    }
    return (images, sameClass, known == 0 ? nil : differing)
  }

  /// The paired outcomes of `baseline` (first) and this tally (second) on the images that both
  /// contain.
  ///
  /// - Parameter amongFive: Whether top-5 decides instead of top-1.
  package func paired(
    with baseline: AccuracyTally, amongFive: Bool = false
  ) -> PairedOutcomes {
    let right = amongFive ? Self.top5 : Self.top1
    var table = PairedOutcomes()
    for (first, second) in zip(baseline.outcomes, outcomes)
    where first & Self.seen != 0 && second & Self.seen != 0 {
      table.count(first: first & right != 0, second: second & right != 0)
    }
    return table
  }

  /// Whether an image was classified correctly; `nil` if it was not classified.
  func isTop1(_ image: Int) -> Bool? { isRight(image, Self.top1) }
  func isTop5(_ image: Int) -> Bool? { isRight(image, Self.top5) }

  private func isRight(_ image: Int, _ kind: UInt8) -> Bool? {
    guard image < outcomes.count, outcomes[image] & Self.seen != 0 else { return nil }
    return outcomes[image] & kind != 0
  }
}
