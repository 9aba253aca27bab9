import Records

/// How many tokens are removed at which blocks: the third choice.
///
/// Each function returns only the steps that change something.
package enum Schedule {
  /// R tokens at one position.
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

  /// `r[l]` tokens at block l, each limited so that `leaving` patch tokens remain.
  package static func progressive(
    r: [Int], leaving: Int = 1, position: ReductionStep.Position = .insideBlock,
    _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    removing(geometry, position) { block, tokens in
      min(r[block], tokens - geometry.prefixTokens - leaving)
    }
  }

  /// `r[l]` tokens at block l, each limited to half of the patch tokens.
  ///
  /// ToMe's matching can pair no more.
  package static func halving(
    r: [Int], position: ReductionStep.Position = .insideBlock, _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    removing(geometry, position) { block, tokens in
      min(r[block], (tokens - geometry.prefixTokens) / 2)
    }
  }

  /// Keeps `⌈rate · candidates⌉` of the current patch tokens at the given blocks, plus `extra`
  /// tokens.
  ///
  /// A block that would keep every token does nothing. If a single token is fused, the count does
  /// not change but the token does, so the step is included. Source: EViT, `evit.py`.
  package static func keepRate(
    _ rate: Double, layers: [Int], extra: Int, position: ReductionStep.Position = .insideBlock,
    _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    steps(geometry, position) { block, tokens in
      guard layers.contains(block) else { return nil }
      let candidates = tokens - geometry.prefixTokens
      let keep = max(1, Int((rate * Double(candidates)).rounded(.up)))
      return keep >= candidates ? nil : geometry.prefixTokens + keep + extra
    }
  }

  /// Keeps the fractions `rate`, `rate²`, … of the model's patch tokens at the given blocks,
  /// rounded down.
  package static func compounding(
    _ rate: Double, layers: [Int], position: ReductionStep.Position, _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    var share = 1.0
    return steps(geometry, position) { block, tokens in
      guard layers.contains(block) else { return nil }
      share *= rate
      let keep = max(1, Int(Double(geometry.patchTokens) * share))
      return geometry.prefixTokens + min(keep, tokens - geometry.prefixTokens)
    }
  }

  /// Removes `⌊count · (1 − rate)⌋` of the current tokens at every block, computed in double
  /// precision, at most half of the patch tokens.
  ///
  /// - Parameter countsPrefix: Whether the fraction is of all tokens or of the patch tokens.
  package static func shrinking(
    _ rate: Double, countsPrefix: Bool, position: ReductionStep.Position, _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    removing(geometry, position) { _, tokens in
      let count = Double(countsPrefix ? tokens : tokens - geometry.prefixTokens)
      let r = Int((count - count * rate).rounded(.down))
      return min(r, (tokens - geometry.prefixTokens) / 2)
    }
  }

  /// The key that gives token counts in place of a method's own schedule.
  package static let tokens = MethodParameter(
    "tokens", .counts, otherwise: "from the other keys",
    "tokens that leave each block, prefix included, in place of the method's own schedule")

  /// The steps of `tokens`; `nil` if it is not given.
  ///
  /// - Throws: A `ParameterProblem` if a count increases, is too small, or decreases by more than
  ///   the disposal can remove at one block.
  static func explicit(
    _ values: ParameterValues, _ disposal: any TokenDisposal,
    position: ReductionStep.Position? = nil, keepsEqual: Bool = false, _ geometry: TokenGeometry
  ) throws(ParameterProblem) -> [ReductionStep]? {
    guard values.has(tokens.name) else { return nil }
    let counts = values.integers(tokens.name)
    func problem(_ message: String) -> ParameterProblem {
      .init(key: tokens.name, message: message)
    }
    guard counts.count == geometry.depth else {
      throw problem(
        "has \(counts.count) counts; it must have one for each of the model's \(geometry.depth) blocks"
      )
    }
    var before = geometry.tokens
    for (block, count) in counts.enumerated() {
      guard count <= before else {
        throw problem(
          "rises to \(count) at block \(block); at most \(before) tokens are left there")
      }
      let minimum = geometry.prefixTokens + 1 + disposal.extraTokens
      guard count >= min(minimum, before) else {
        throw problem("\(count) at block \(block) is too few; it must be \(minimum) or more")
      }
      let maximum = disposal.maxRemoved(of: before - geometry.prefixTokens)
      guard before - count <= maximum else {
        throw problem(
          "falls from \(before) to \(count) at block \(block); this method can remove \(maximum) there"
        )
      }
      before = count
    }
    return steps(geometry, position ?? disposal.positions[0]) { block, tokens in
      counts[block] < tokens || keepsEqual ? counts[block] : nil
    }
  }

  private static func removing(
    _ geometry: TokenGeometry, _ position: ReductionStep.Position = .insideBlock,
    count: (_ block: Int, _ tokens: Int) -> Int
  ) -> [ReductionStep] {
    steps(geometry, position) { block, tokens in
      let removed = count(block, tokens)
      return removed > 0 ? tokens - removed : nil
    }
  }

  static func steps(
    _ geometry: TokenGeometry, _ position: ReductionStep.Position = .insideBlock,
    tokensOut: (_ block: Int, _ tokens: Int) -> Int?
  ) -> [ReductionStep] {
    var tokens = geometry.tokens
    var steps: [ReductionStep] = []
    for block in 0..<geometry.depth {
      guard let next = tokensOut(block, tokens) else { continue }
      steps.append(
        ReductionStep(block: block, position: position, tokensIn: tokens, tokensOut: next))
      tokens = next
    }
    return steps
  }
}
