import Support

/// The order in which variants are visited, round by round, so that drift affects all of them
/// equally.
///
/// Even rounds are newly shuffled, odd rounds reverse the previous round (A B C, C B A), so that a
/// drift that is linear over two rounds cancels. Source: randomized ABBA blocks of paired designs;
/// hyperfine issue 21, google/benchmark pull request 1051.
package struct Interleaving {
  private var generator: SplitMix64
  private var previous: [Int] = []
  private var isForward = true

  package init(seed: UInt64) { generator = SplitMix64(seed: seed) }

  /// The next round over the `active` ones of the variants 0..<`count`.
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
