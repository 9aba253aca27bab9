import Records

/// EViT: at a few blocks, a fraction of the tokens with the most class attention is kept, and the
/// others are fused into one.
package enum EViT: TokenReductionMethod {
  package static let name = "evit"
  package static let summary =
    "keeps a fraction of the tokens at a few blocks and fuses the others into one"
  package static let source = "Liang et al., arXiv:2202.07800; youweiliang/evit 5ca95a7c"
  package static let traits = MethodTraits(family: .fuse, color: "#E69F00", order: 30)
  package static let example = #"{"method": "evit", "keep_rate": 0.7, "layers": [3, 6, 9]}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter(
        "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1),
        "fraction of the current patch tokens that is kept, rounded up"),
      Schedule.layers,
      MethodParameter(
        "fused_token", .boolean, default: .boolean(true),
        "whether the others become one token (their score-weighted sum) or are dropped"),
    ])

  package static let needs = MethodNeeds(readsAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let fuses = values.boolean("fused_token")
    let disposal: any TokenDisposal = fuses ? FuseScoreSum() : Drop()
    return Composition(
      score: ClassAttentionScore(), disposal: disposal,
      steps: try Schedule.given(values, disposal, geometry)
        ?? Schedule.keepRate(
          values.double("keep_rate"), layers: values.integers("layers"), extra: fuses ? 1 : 0,
          geometry),
      geometry: geometry)
  }
}
