import Records

/// DynamicViT: a predictor that was trained with the model scores the tokens before a few blocks.
///
/// The official checkpoints contain the predictors, `score_predictor.{i}.*` for the i-th block of
/// `layers`.
package enum DynamicViT: TokenReductionMethod {
  package static let name = "dynamicvit"
  package static let summary =
    "drops the tokens that a trained predictor scores lowest, before a few blocks"
  package static let source = "Rao et al., arXiv:2106.02034; raoyongming/DynamicViT"
  package static let traits = MethodTraits(family: .drop, color: "#332288", order: 70)
  package static let example = #"{"method": "dynamicvit", "keep_rate": 0.7, "layers": [3, 6, 9]}"#
  package static let parameters = Schedule.keys(
    [Schedule.compoundingKeepRate, Schedule.layers] + PredictorScore.parameters)
  package static let needs = MethodNeeds(isTrained: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    Composition(
      score: PredictorScore(values), disposal: Drop(),
      steps: try Schedule.given(values, Drop(), position: .beforeBlock, geometry)
        ?? Schedule.compounding(
          values.double("keep_rate"), layers: values.integers("layers"), position: .beforeBlock,
          geometry), geometry: geometry)
  }
}
