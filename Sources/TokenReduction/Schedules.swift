/// How many tokens go at which blocks; the third choice.
///
/// Each function returns only the steps that change something.
package enum Schedule {
  /// R tokens at one place.
  package static func single(
    r: Int, block: Int, position: ReductionStep.Position, _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    guard r > 0 else { return [] }
    return [
      ReductionStep(
        block: block, position: position, tokensIn: geometry.tokens,
        tokensOut: geometry.tokens - r)
    ]
  }

  /// `r[l]` tokens at block l, each limited so that `leaving` patch tokens stay.
  package static func progressive(r: [Int], leaving: Int = 1, _ geometry: TokenGeometry)
    -> [ReductionStep]
  {
    removing(geometry) { block, tokens in
      min(r[block], tokens - geometry.prefixTokens - leaving)
    }
  }

  /// `r[l]` tokens at block l, each limited to half of the patch tokens.
  ///
  /// ToMe's matching can pair no more.
  package static func halving(r: [Int], _ geometry: TokenGeometry) -> [ReductionStep] {
    removing(geometry) { block, tokens in min(r[block], (tokens - geometry.prefixTokens) / 2) }
  }

  /// `⌈rate · candidates⌉` of the current patch tokens stay at the given blocks, plus `extra`
  /// tokens.
  ///
  /// A block at which every token would stay does nothing. With one token fused into one, the count
  /// stays and the token still changes, so the step is there. Source: EViT, `evit.py`.
  package static func keepRate(
    _ rate: Double, layers: [Int], extra: Int, _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    steps(geometry) { block, tokens in
      guard layers.contains(block) else { return nil }
      let candidates = tokens - geometry.prefixTokens
      let keep = max(1, Int((rate * Double(candidates)).rounded(.up)))
      return keep >= candidates ? nil : geometry.prefixTokens + keep + extra
    }
  }

  private static func removing(
    _ geometry: TokenGeometry, count: (_ block: Int, _ tokens: Int) -> Int
  ) -> [ReductionStep] {
    steps(geometry) { block, tokens in
      let removed = count(block, tokens)
      return removed > 0 ? tokens - removed : nil
    }
  }

  private static func steps(
    _ geometry: TokenGeometry, tokensOut: (_ block: Int, _ tokens: Int) -> Int?
  ) -> [ReductionStep] {
    var tokens = geometry.tokens
    var steps: [ReductionStep] = []
    for block in 0..<geometry.depth {
      guard let next = tokensOut(block, tokens) else { continue }
      steps.append(
        ReductionStep(block: block, position: .insideBlock, tokensIn: tokens, tokensOut: next))
      tokens = next
    }
    return steps
  }
}
