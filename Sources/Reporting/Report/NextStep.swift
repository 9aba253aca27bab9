import Measurement
import Records

/// How many more tokens a schedule must remove to reach the next lower step of its staircase.
package struct NextStep: Hashable, Sendable {
  /// Tokens to remove beyond what the row removes.
  package let moreTokens: Int
  /// Milliseconds a batch: the step's height in the share of blocks that would run below it.
  package let gain: Double
  /// 95 % bootstrap interval of `gain`.
  package let gainInterval: Interval

  /// `nil` where no step lies below, and for schedules that remove at several blocks, whose blocks
  /// stand on several steps.
  init?(after cost: ForwardCost, on staircase: Staircase?, tokens: Int) {
    guard let staircase, let left = cost.tokensAfterBlocks.last,
      cost.tokensAfterBlocks.allSatisfy({ $0 == left || $0 == tokens }),
      let step = staircase.steps.last(where: { $0.height > 0 && $0.before < left })
    else { return nil }
    let below = cost.tokensAfterBlocks.count { $0 == left }
    let share = Double(below) / Double(cost.tokensAfterBlocks.count)
    moreTokens = left - step.before
    gain = share * step.height
    gainInterval = step.heightInterval.scaled(by: share)
  }

  /// For example `prune 9 more tokens and gain about 0.80 ms (0.71–0.88)`.
  var text: String {
    let digits = decimals(gain, significant: 2)
    let parts = [gain, gainInterval.lower, gainInterval.upper].map { fixed($0, digits: digits) }
    return "prune \(moreTokens) more token\(moreTokens == 1 ? "" : "s") and gain about "
      + "\(parts[0]) ms (\(parts[1])–\(parts[2]))"
  }
}
