import Records

/// ATC: agglomerative clustering of the tokens at a few blocks.
package enum ATC: TokenReductionMethod {
  package static let name = "atc"
  package static let summary =
    "agglomerative clustering of the tokens by their keys at a few blocks"
  package static let source = "Haurum et al., ECCV 2024; JoakimHaurum/ATC"
  package static let traits = MethodTraits(family: .merge, color: "#6699CC", order: 120)
  package static let example = #"{"method": "atc", "keep_rate": 0.7}"#
  package static let parameters = Schedule.keysOfCompounding(
    by: AgglomerativeClusters.self, [Schedule.proportionalAttention])

  package static let needs = MethodNeeds(sizesInAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = AgglomerativeClusters(values)
    return Composition(
      score: nil, disposal: disposal,
      steps: try Schedule.given(values, disposal, position: .insideBlock, geometry)
        ?? Schedule.compounding(
          values.double("keep_rate"), layers: values.integers("layers"), position: .insideBlock,
          geometry),
      proportionalAttention: values.boolean("proportional_attention"), geometry: geometry)
  }
}
