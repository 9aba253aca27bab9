import Measurement
import Records
import Support

/// The number of additional tokens that a schedule must remove to reach the next lower step of its
/// staircase.
package struct NextStep: Hashable, Sendable {
  /// The number of tokens to remove in addition to those of the row.
  package let moreTokens: Int
  /// Milliseconds per batch: the decrease of the grid's median between the two token counts,
  /// multiplied by the fraction of blocks that would run with fewer tokens.
  package let gain: Double
  /// The part of `gain` due to the step itself: its height, multiplied by the same fraction.
  package let stepGain: Double
  /// 95 % bootstrap interval of `stepGain`.
  package let stepGainInterval: Interval

  /// `nil` if there is no lower step, and for schedules that remove tokens at several blocks, which
  /// are on several steps at once.
  init?(after cost: ForwardCost, on staircase: Staircase?, tokens: Int) {
    guard let staircase, let left = cost.tokensAfterBlocks.last,
      cost.tokensAfterBlocks.allSatisfy({ $0 == left || $0 == tokens }),
      let step = staircase.steps.last(where: { $0.height > 0 && $0.before < left }),
      let now = staircase.median(from: left), let then = staircase.median(from: step.before)
    else { return nil }
    let below = cost.tokensAfterBlocks.count { $0 == left }
    let share = Double(below) / Double(cost.tokensAfterBlocks.count)
    moreTokens = left - step.before
    gain = share * (now - then)
    stepGain = share * step.height
    stepGainInterval = step.heightInterval.scaled(by: share)
  }

  /// For example `prune 9 more tokens and gain about 0.95 ms, of it 0.80 ms (0.71–0.88) by the
  /// step`, without the interval if it is a single value.
  var text: String {
    let digits = decimals(stepGain, significant: 2)
    let parts = [gain, stepGain, stepGainInterval.lower, stepGainInterval.upper]
      .map { fixed($0, digits: digits) }
    // A predicted staircase has no noise and therefore no interval.
    let isMeasured = stepGainInterval.lower < stepGainInterval.upper
    let interval = isMeasured ? " (\(parts[2])–\(parts[3]))" : ""
    return "prune \(counted(moreTokens, "more token")) and gain about \(parts[0]) ms, of it "
      + "\(parts[1]) ms\(interval) by the step"
  }
}
