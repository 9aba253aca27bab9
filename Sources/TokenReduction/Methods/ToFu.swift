import Records

/// ToFu: early blocks drop one of each of ToMe's pairs, late ones merge it and keep its norm.
package enum ToFu: TokenReductionMethod {
  package static let name = "tofu"
  package static let summary =
    "drops one of each most similar pair in early blocks and merges pairs with their "
    + "norm kept in late blocks"
  package static let source = "Kim et al., \"Token Fusion\", WACV 2024"
  package static let traits = MethodTraits(family: .merge, color: "#88CCEE", order: 85)
  package static let example = #"{"method": "tofu", "keep_rate": 0.9}"#
  package static let parameters = Schedule.keysOfShrinking(to: 0.9, by: DropOrMergePairs.self)

  package static let needs = MethodNeeds(reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = DropOrMergePairs(values)
    return Composition(
      score: nil, disposal: disposal,
      steps: try Schedule.given(values, disposal, geometry)
        ?? Schedule.shrinking(
          values.double("keep_rate"), countsPrefix: true, position: .insideBlock, geometry),
      geometry: geometry)
  }
}
