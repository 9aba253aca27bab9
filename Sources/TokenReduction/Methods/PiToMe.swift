import Records

/// PiToMe: at every block, the tokens with the most similar tokens are merged in pairs.
package enum PiToMe: TokenReductionMethod {
  package static let name = "pitome"
  package static let summary =
    "merges the tokens with the most similar tokens at every block"
  package static let source = "Tran et al., NeurIPS 2024; hchautran/PiToMe"
  package static let traits = MethodTraits(family: .merge, color: "#44AA99", order: 80)
  package static let example = #"{"method": "pitome", "keep_rate": 0.9125}"#
  package static let parameters = Schedule.keysOfShrinking(to: 0.9125, by: MergeByEnergy.self)

  package static let needs = MethodNeeds(reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = MergeByEnergy(values)
    return Composition(
      score: nil, disposal: disposal,
      steps: try Schedule.given(values, disposal, geometry)
        ?? Schedule.shrinking(
          values.double("keep_rate"), countsPrefix: false, position: .insideBlock, geometry),
      geometry: geometry)
  }
}
