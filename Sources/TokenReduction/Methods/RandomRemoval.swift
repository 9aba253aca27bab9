import Records

/// Random removal of R patch tokens before the first block: the yardstick of every score, and the
/// accuracy grid's proxy.
package enum RandomRemoval: TokenReductionMethod {
  package static let name = "random"
  package static let summary = "drops R random patch tokens before the first block"
  package static let source =
    "the accuracy proxy of \"Pruning One More Token is Enough\", section 3.2"
  package static let traits = MethodTraits(family: .random, color: "#7F7F7F", order: 10)
  package static let example = #"{"method": "random", "r": 72}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens removed"),
      MethodParameter(
        "seed", .integer(minimum: 0, maximum: nil), default: .integer(0),
        "which tokens go, together with the image"),
    ])

  package static let needs = MethodNeeds(reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    return Composition(
      score: RandomScore(values), disposal: Drop(),
      steps: try Schedule.given(values, Drop(), position: .beforeBlock, geometry)
        ?? Schedule.single(r: r, block: 0, position: .beforeBlock, geometry), geometry: geometry)
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
