import Support

/// The token count with the highest utility, and the uncertainty of this choice.
package struct TailEffectChoice: Hashable, Sendable {
  /// n* for the measured grids.
  package let tokens: Int
  /// The middle 95 % of n* in resampled grids.
  package let range: ClosedRange<Int>
  /// Token counts whose utility cannot be distinguished from that of n*, including n* itself, in
  /// ascending order.
  package let alike: [Int]

  package init(tokens: Int, range: ClosedRange<Int>, alike: [Int]) {
    self.tokens = tokens
    self.range = range
    self.alike = alike
  }

  /// Whether other token counts are as good as the chosen one, as far as the grids can tell.
  package var isFlat: Bool { alike.count > 1 }
}

extension TailEffectUtility {
  /// The choice for `alpha`, with its uncertainty from `resampled` grids of the same token counts.
  ///
  /// A count cannot be distinguished if the 95 % interval of the difference of its utility from the
  /// best one contains 0. `nil` without points or without resampled grids.
  package func choice(alpha: Double, resampled: [TailEffectUtility]) -> TailEffectChoice? {
    let grids = resampled.filter { $0.points.map(\.tokens) == points.map(\.tokens) }
    guard let best = bestTokens(alpha: alpha), !grids.isEmpty,
      let place = points.firstIndex(where: { $0.tokens == best })
    else { return nil }
    let chosen = grids.compactMap { $0.bestTokens(alpha: alpha) }.sorted()
    let utilities = grids.map { $0.utilities(alpha: alpha) }
    let alike = points.indices.filter { index in
      let losses = utilities.map { $0[place] - $0[index] }.sorted()
      return index == place || quantile(0.025, ofSorted: losses) <= 0
    }
    let tail = chosen.count / 40
    return TailEffectChoice(
      tokens: best,
      range: min(best, chosen[tail])...max(best, chosen[chosen.count - 1 - tail]),
      alike: alike.map { points[$0].tokens })
  }
}

/// Shares of images classified correctly, with the same images drawn for every method.
package enum ResampledShares {
  /// `replicates` resampled fractions for each of `outcomes`, which contain the same images in the
  /// same order.
  ///
  /// Shape of the result: `[replicates][outcomes]`. Empty without images.
  package static func draw(
    _ outcomes: [[Bool]], replicates: Int, using generator: inout SplitMix64
  ) -> [[Double]] {
    guard let images = outcomes.first?.count, images > 0 else { return [] }
    precondition(outcomes.allSatisfy { $0.count == images }, "the images must be the same")
    var weights = [Int](repeating: 0, count: images)
    return (0..<replicates).map { _ in
      for i in weights.indices { weights[i] = 0 }
      for _ in 0..<images { weights[generator.below(images)] += 1 }
      return outcomes.map { correct in
        var sum = 0
        for i in 0..<images where correct[i] { sum += weights[i] }
        return Double(sum) / Double(images)
      }
    }
  }
}
