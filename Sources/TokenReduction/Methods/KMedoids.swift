import Records

/// K-medoids: before a few blocks, tokens are clustered around medoids, which are kept.
package enum KMedoids: TokenReductionMethod {
  package static let name = "kmedoids"
  package static let summary =
    "keeps the medoids of clusters before a few blocks"
  package static let source = "Haurum et al., ICCVW 2023; JoakimHaurum/TokenReduction"
  package static let traits = MethodTraits(family: .drop, color: "#CC6677", order: 105)
  package static let example = #"{"method": "kmedoids", "keep_rate": 0.7}"#
  package static let parameters = Schedule.keysOfCompounding(by: KMedoidsClusters.self)

  package static let needs = MethodNeeds(readsAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = KMedoidsClusters(values)
    let steps =
      try Schedule.given(values, disposal, geometry)
      ?? Schedule.compounding(
        values.double("keep_rate"), layers: values.integers("layers"), position: .beforeBlock,
        geometry)
    guard steps.first?.block != 0 else {
      throw ParameterProblem(
        key: ["tokens", Schedule.kindName].first { values.has($0) } ?? "layers",
        message:
          "block 0 has no block before it, whose attention weighs the tokens; begin at block 1")
    }
    return Composition(score: nil, disposal: disposal, steps: steps, geometry: geometry)
  }
}
