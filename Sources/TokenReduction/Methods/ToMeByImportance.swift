import Records

/// ToMe with class importance: the half with less class attention is matched to the other, so that
/// an important token is never merged away.
///
/// The study that compares this method gives no formulas; this is the straightforward
/// interpretation.
package enum ToMeByImportance: TokenReductionMethod {
  package static let name = "tome_importance"
  package static let summary =
    "merges the most similar pairs of a less and a more important token at every block"
  package static let source = "ToMe (arXiv:2210.09461) with class attention in place of position"
  package static let traits = MethodTraits(family: .merge, color: "#66CCAA", order: 45)
  package static let example = #"{"method": "tome_importance", "r": 8}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens merged away at every block"),
      Schedule.proportionalAttention,
    ])

  package static let needs = MethodNeeds(
    readsAttention: true, sizesInAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    return Composition(
      score: ClassAttentionScore(), disposal: MergeLeastImportant(),
      steps: try Schedule.given(values, MergeLeastImportant(), geometry)
        ?? Schedule.halving(r: Array(repeating: r, count: geometry.depth), geometry),
      proportionalAttention: values.boolean("proportional_attention"), geometry: geometry)
  }
}
