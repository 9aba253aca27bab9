import Records

/// PPT: prune or pool, image by image, at a few blocks.
package enum PPT: TokenReductionMethod {
  package static let name = "ppt"
  package static let summary =
    "drops or merges r tokens at a few blocks, for each image by the variance of its scores"
  package static let source = "Wu et al., arXiv:2310.01812; xjwu1024/PPT"
  package static let traits = MethodTraits(family: .drop, color: "#999933", order: 90)
  package static let example = #"{"method": "ppt", "r": 50}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter(
        "r", .integer(minimum: 0, maximum: nil), default: .integer(50),
        "tokens removed at each of the blocks"),
      Schedule.layers,
    ] + PruneOrPool.parameters + [
      Schedule.proportionalAttention
    ])

  package static let needs = MethodNeeds(
    readsAttention: true, sizesInAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = PruneOrPool(values)
    let layers = values.integers("layers")
    let counts = (0..<geometry.depth).map { layers.contains($0) ? values.integer("r") : 0 }
    return Composition(
      score: ClassValueScore(), disposal: disposal,
      steps: try Schedule.given(values, disposal, geometry)
        ?? Schedule.halving(r: counts, geometry),
      proportionalAttention: values.boolean("proportional_attention"), geometry: geometry)
  }
}
