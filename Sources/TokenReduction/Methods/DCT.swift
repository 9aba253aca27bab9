import Records

/// DCT: after every block, the high frequencies of the token sequence are removed.
package enum DCT: TokenReductionMethod {
  package static let name = "dct"
  package static let summary =
    "removes the high frequencies of the token sequence after every block"
  package static let source = "the cosine-transform baseline of token-reduction studies (OpenToMe)"
  package static let traits = MethodTraits(family: .merge, color: "#AA4466", order: 125)
  package static let example = #"{"method": "dct", "keep_rate": 0.9}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter(
        "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1),
        default: .number(0.9),
        "fraction of the frequencies that is kept at every block, rounded up")
    ])

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    Composition(
      score: nil, disposal: CosineTransform(),
      steps: try Schedule.given(values, CosineTransform(), geometry)
        ?? Schedule.keepRate(
          values.double("keep_rate"), layers: Array(0..<geometry.depth), extra: 0,
          position: .afterBlock, geometry), geometry: geometry)
  }
}
