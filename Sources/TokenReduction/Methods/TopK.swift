import Records

/// Top-K: at every block, the r patch tokens with the least class attention are dropped.
package enum TopK: TokenReductionMethod {
  package static let name = "topk"
  package static let summary = "drops the r tokens with the least class attention at every block"
  package static let source = "the Top-K baseline of \"Pruning One More Token is Enough\""
  package static let traits = MethodTraits(family: .drop, color: "#56B4E9", order: 20)
  package static let example = #"{"method": "topk", "r": 8}"#
  package static let parameters = Schedule.keys(
    [
      Schedule.removedEverywhere
    ])

  package static let needs = MethodNeeds(readsAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    let counts = Array(repeating: r, count: geometry.depth)
    return Composition(
      score: ClassAttentionScore(), disposal: Drop(),
      steps: try Schedule.given(values, Drop(), geometry)
        ?? Schedule.progressive(r: counts, geometry),
      geometry: geometry)
  }
}
