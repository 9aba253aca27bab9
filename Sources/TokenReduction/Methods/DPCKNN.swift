import Records

/// DPC-KNN: tokens are clustered around density peaks before a few blocks.
package enum DPCKNN: TokenReductionMethod {
  package static let name = "dpcknn"
  package static let summary =
    "clusters the tokens around density peaks before a few blocks"
  package static let source = "Haurum et al., ICCVW 2023; JoakimHaurum/TokenReduction"
  package static let traits = MethodTraits(family: .merge, color: "#882255", order: 100)
  package static let example = #"{"method": "dpcknn", "keep_rate": 0.7}"#
  package static let parameters = Schedule.keysOfCompounding(by: DensityPeaks.self)

  package static let needs = MethodNeeds(reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = DensityPeaks(values)
    return Composition(
      score: nil, disposal: disposal,
      steps: try Schedule.given(values, disposal, position: .beforeBlock, geometry)
        ?? Schedule.compounding(
          values.double("keep_rate"), layers: values.integers("layers"), position: .beforeBlock,
          geometry), geometry: geometry)
  }
}
