import Records
import TokenReduction

/// One of several shares of a plan's work, for machines that may not see each other's claims.
///
/// The content of a share follows from the plan alone, so each machine can determine its own share
/// without communication.
package struct Share: Hashable, Sendable, CustomStringConvertible {
  /// From 1.
  package let number: Int
  package let count: Int

  /// - Parameter text: `3/8`, the third of eight; `nil` for anything else.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]),
      (1...Self.maxCount).contains(count), (1...count).contains(number)
    else { return nil }
    self.number = number
    self.count = count
  }

  /// More than the nodes of any cluster.
  package static let maxCount = 100_000

  package var description: String { "share \(number) of \(count)" }
}

/// The share of each trial of a plan.
struct Division {
  /// The minimum number of pieces per share that accuracy work is divided into, so that shares with
  /// one more piece take at most a quarter longer.
  private static let piecesOfShare = 4
  /// The minimum number of timings for which the baseline is timed again.
  private static let minTimings = 4

  /// From 0.
  private var shares: [String: Int] = [:]

  init(_ plan: Plan, count: Int) {
    var next = 0
    let shards = max(1, plan.accuracy.reduce(0) { $0 + $1.shards.count })
    let wanted = Self.quotient(Self.piecesOfShare * count, shards)
    for work in plan.accuracy {
      // The images of a shard are decoded once for all methods of a piece.
      let pieces = max(1, min(work.methods.count, wanted))
      for shard in work.shards.indices {
        for (index, method) in work.methods.enumerated() where shard < method.trials.count {
          // Rotated from shard to shard, so that no share always has the larger piece.
          deal(method.trials[shard].key, to: (next + (index + shard) % pieces) % count)
        }
        next += pieces
      }
    }
    let sets = plan.latency + plan.waiting
    for work in sets {
      let others = work.trials.filter { !work.isAnchor($0) }
      // A staircase from several machines would have steps between them.
      let pieces =
        work.purpose == .rows
        ? max(1, min(others.count / Self.minTimings, Self.quotient(count, sets.count))) : 1
      for trial in work.trials where work.isAnchor(trial) { deal(trial.key, to: next % count) }
      for (index, trial) in others.enumerated() {
        deal(trial.key, to: (next + index % pieces) % count)
      }
      next += pieces
    }
  }

  /// The share, from 0, of a trial of the plan.
  func share(of key: String) -> Int? { shares[key] }

  func keys(of share: Share) -> Set<String> {
    Set(shares.filter { $0.value == share.number - 1 }.keys)
  }

  private mutating func deal(_ key: String, to share: Int) {
    if shares[key] == nil { shares[key] = share }
  }

  /// Rounded up.
  private static func quotient(_ dividend: Int, _ divisor: Int) -> Int {
    (dividend + divisor - 1) / divisor
  }
}

extension LatencyWork {
  /// Whether a timing belongs to every set of rows, because the others are compared with it.
  fileprivate func isAnchor(_ trial: PlannedLatency) -> Bool {
    purpose == .rows && TokenReductionRegistry.isBaseline(trial.trial.method.name)
  }
}

extension Runner {
  /// The expected seconds of each of `count` shares of a plan's open trials.
  package func expectedSeconds(_ plan: Plan, shares count: Int) -> [Double] {
    let division = Division(plan, count: count)
    let open = Dictionary(openTrials(plan).map { ($0.key, $0.seconds) }) { first, _ in first }
    var seconds = [Double](repeating: 0, count: count)
    for (key, cost) in open { seconds[division.share(of: key) ?? 0] += cost }
    for work in plan.latency + plan.waiting {
      let timed = work.trials.filter { !work.isAnchor($0) && open[$0.key] != nil }
      let owners = Set(timed.compactMap { division.share(of: $0.key) })
      for anchor in work.trials where work.isAnchor(anchor) {
        for owner in owners where owner != division.share(of: anchor.key) {
          seconds[owner] += open[anchor.key] ?? 0
        }
      }
    }
    return seconds
  }
}
