/// The choice of R by the tail effect: the token count with the best trade-off of saved latency
/// against lost accuracy.
///
///     U_L(n) = 1 − L(n) / max L    U_A(n) = Â(n) / max Â    U(n) = α·U_L(n) + (1−α)·U_A(n)
///     n* = argmax U    R = N − n*
///
/// N and n count all tokens, prefix included. Differs: the published code takes N as the patch
/// count, so that its R runs as two tokens more than its optimum. Source: "Pruning One More Token
/// is Enough", section 3.2.
package struct TailEffectUtility: Hashable, Sendable {
  /// One token count of both grids.
  package struct Point: Hashable, Sendable {
    package let tokens: Int
    /// The median latency per batch, in milliseconds.
    package let latency: Double
    /// Share of images classified correctly, 0…1.
    package let accuracy: Double

    package init(tokens: Int, latency: Double, accuracy: Double) {
      self.tokens = tokens
      self.latency = latency
      self.accuracy = accuracy
    }
  }

  /// By increasing token count.
  package let points: [Point]

  /// Joins a latency grid and an accuracy grid on their common token counts.
  package init(latencyByTokens: [Int: Double], accuracyByTokens: [Int: Double]) {
    points = latencyByTokens.keys.sorted().compactMap { tokens in
      guard let latency = latencyByTokens[tokens], let accuracy = accuracyByTokens[tokens] else {
        return nil
      }
      return Point(tokens: tokens, latency: latency, accuracy: accuracy)
    }
  }

  /// U_L of every point, in the order of `points`.
  ///
  /// Edge cases: if all latencies are 0, it is 0.
  package var latencyUtilities: [Double] {
    let slowest = points.map(\.latency).max() ?? 0
    return points.map { slowest > 0 ? 1 - $0.latency / slowest : 0 }
  }

  /// U_A of every point, in the order of `points`.
  ///
  /// Edge cases: if no prediction is correct, it is 0.
  package var accuracyUtilities: [Double] {
    let best = points.map(\.accuracy).max() ?? 0
    return points.map { best > 0 ? $0.accuracy / best : 0 }
  }

  /// U of every point, in the order of `points`.
  package func utilities(alpha: Double) -> [Double] {
    zip(latencyUtilities, accuracyUtilities).map { alpha * $0 + (1 - alpha) * $1 }
  }

  /// n*: the token count with the highest utility; in case of a tie, the larger one.
  ///
  /// `nil` without points.
  package func bestTokens(alpha: Double) -> Int? { ranked(alpha: alpha).first }

  /// The token counts by decreasing utility; in case of a tie, the larger one first.
  package func ranked(alpha: Double) -> [Int] {
    zip(points, utilities(alpha: alpha))
      .sorted { ($0.1, $0.0.tokens) > ($1.1, $1.0.tokens) }.map(\.0.tokens)
  }

  /// R = N − n*, at most all patch tokens except two, because the fused token needs another one.
  ///
  /// - Parameters:
  ///   - tokens: N, prefix included.
  ///   - prefixTokens: Those that are never removed.
  ///
  /// `nil` without points.
  package func removedTokens(alpha: Double, of tokens: Int, prefixTokens: Int) -> Int? {
    bestTokens(alpha: alpha).map { max(0, min(tokens - $0, tokens - prefixTokens - 2)) }
  }
}
