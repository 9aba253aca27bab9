import Records

/// MCTF: from block 1 on, r tokens per block are merged by several criteria before attention is
/// applied.
package enum MCTF: TokenReductionMethod {
  package static let name = "mctf"
  package static let summary =
    "merges r tokens at every block by similarity, attention and size, before "
    + "attention is applied"
  package static let source = "Lee et al., CVPR 2024; mlvlab/MCTF"
  package static let traits = MethodTraits(family: .merge, color: "#661100", order: 115)
  package static let example = #"{"method": "mctf", "r": 16}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens merged away at every block"),
      MethodParameter(
        "layers", .layers, otherwise: "all but block 0", "blocks where tokens are removed"),
      MethodParameter(
        "least", .integer(minimum: 1, maximum: nil), default: .integer(10),
        "minimum number of tokens that are kept"),
    ] + MergeByCriteria.parameters + [
      Schedule.proportionalAttention
    ])

  package static let needs = MethodNeeds(
    readsAttention: true, sizesInAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = MergeByCriteria(values)
    let r = values.integer("r")
    let layers =
      values.has("layers") ? values.integers("layers") : Array(1..<max(1, geometry.depth))
    let smallest = max(values.integer("least"), geometry.prefixTokens + 1)
    let steps =
      try Schedule.given(values, disposal, geometry)
      ?? Schedule.steps(geometry, .insideAttention) { block, tokens in
        guard layers.contains(block) else { return nil }
        let removed = min(r, tokens - smallest, (tokens - geometry.prefixTokens) / 2)
        return removed > 0 ? tokens - removed : nil
      }
    return Composition(
      score: nil, disposal: disposal, steps: steps,
      proportionalAttention: values.boolean("proportional_attention"), geometry: geometry)
  }
}
