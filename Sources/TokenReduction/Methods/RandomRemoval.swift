import Records

/// Random removal of R patch tokens before the first block: the reference for every score, and the
/// proxy of the accuracy grid.
package enum RandomRemoval: TokenReductionMethod {
  package static let name = "random"
  package static let summary = "drops R random patch tokens before the first block"
  package static let source =
    "the accuracy proxy of \"Pruning One More Token is Enough\", section 3.2"
  package static let traits = MethodTraits(family: .random, color: "#7F7F7F", order: 10)
  package static let example = #"{"method": "random", "r": 72}"#
  package static let parameters =
    Schedule.keys(
      [
        MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens removed"),
        MethodParameter(
          "seed", .integer(minimum: 0, maximum: nil), default: .integer(0),
          "determines, together with the image, which tokens are removed"),
      ]) + [
      MethodParameter(
        "position", .choice(positions.keys.sorted()), otherwise: "\"before_block\"",
        "where in a block tokens are removed; only with \"tokens\"")
    ]

  private static let positions: [String: ReductionStep.Position] = [
    "before_block": .beforeBlock, "inside_block": .insideBlock, "after_block": .afterBlock,
  ]

  package static let needs = MethodNeeds(reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    if values.has("position"), !values.has(Schedule.tokens.name) {
      throw ParameterProblem(
        key: "position", message: "goes with \"tokens\" alone; r tokens go before the first block")
    }
    let position = positions[values.string("position")] ?? .beforeBlock
    return Composition(
      score: RandomScore(values), disposal: Drop(),
      steps: try Schedule.given(values, Drop(), position: position, geometry)
        ?? Schedule.single(r: r, block: 0, position: .beforeBlock, geometry), geometry: geometry)
  }
}

extension RandomRemoval {
  /// Random removal at the token counts of a method, block by block and at the same position in a
  /// block: the reference that shows what its score is worth.
  ///
  /// `nil` if nothing is removed, or if tokens are already removed at random. Fused tokens count as
  /// tokens. Random removal cannot happen inside attention; there, the tokens are removed after it.
  package static func control(of composition: Composition, seed: Int) -> [String: JSONValue]? {
    guard let step = composition.steps.first, !(composition.score is RandomScore),
      composition.tokensAfterBlocks.last != composition.geometry.tokens
    else { return nil }
    let place = step.position == .insideAttention ? .insideBlock : step.position
    let position = positions.first { $0.value == place }?.key ?? "inside_block"
    return [
      "tokens": .array(composition.tokensAfterBlocks.map { .integer($0) }),
      "position": .string(position), "seed": .integer(seed),
    ]
  }
}

/// Refuses an R that would leave fewer than `leaving` patch tokens.
func checkRemoval(_ r: Int, leaving: Int, _ geometry: TokenGeometry) throws(ParameterProblem) {
  let largest = geometry.patchTokens - leaving
  guard r > largest else { return }
  let why =
    r > geometry.patchTokens
    ? "exceeds the \(geometry.patchTokens) patch tokens"
    : "leaves too few of the \(geometry.patchTokens) patch tokens"
  throw ParameterProblem(key: "r", message: "\(r) \(why); at most \(largest) can go")
}
