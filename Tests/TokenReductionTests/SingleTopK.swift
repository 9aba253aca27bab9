import Records

@testable import TokenReduction

/// Keeps the tokens with the most class attention at one block and drops the others.
package enum SingleTopK: TokenReductionMethod {
  package static let name = "single_topk"
  package static let summary = "drops R tokens with the least class attention at one block"
  package static let source = "an example"
  package static let traits = MethodTraits(family: .drop, color: "#0072B2", order: 25)
  package static let example = #"{"method": "single_topk", "r": 49, "layer": 3}"#
  package static let needs = MethodNeeds(readsAttention: true, reordersTokens: true)
  package static let parameters = Schedule.keys([
    MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens removed"),
    MethodParameter("layer", .layer, default: .string("25%"), "block where tokens are removed"),
  ])

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    return Composition(
      score: ClassAttentionScore(), disposal: Drop(),
      steps: try Schedule.given(values, Drop(), geometry)
        ?? Schedule.single(
          r: r, block: values.integer("layer"), position: .insideBlock, geometry),
      geometry: geometry)
  }
}
