import Support

/// The order in which variants are visited, round by round: drift then hits all of them alike.
///
/// Even rounds are shuffled afresh, odd rounds run the round before backwards (A B C, C B A), so
/// that a drift that is linear over two rounds cancels. Source: randomised ABBA blocks of paired
/// designs; hyperfine issue 21, google/benchmark pull request 1051.
package struct Interleaving {
  private var generator: SplitMix64
  private var previous: [Int] = []
  private var isForward = true

  package init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  /// The next round over those of the variants 0..<`count` that are `active`.
  package mutating func nextRound(count: Int, active: Set<Int>) -> [Int] {
    if isForward || previous.count != count {
      previous = Array(0..<count)
      for i in stride(from: count - 1, to: 0, by: -1) {
        previous.swapAt(i, generator.below(i + 1))
      }
      isForward = false
    } else {
      previous.reverse()
      isForward = true
    }
    return previous.filter(active.contains)
  }
}
