import Records

/// GTP-ViT: at every block, r tokens are removed and their values are propagated to their
/// neighbors.
package enum GTP: TokenReductionMethod {
  package static let name = "gtp"
  package static let summary =
    "drops r tokens at every block after propagating a fraction of their values to "
    + "their neighbors"
  package static let source = "Xu et al., WACV 2024; Ackesnal/GTP-ViT"
  package static let traits = MethodTraits(family: .drop, color: "#DDAA33", order: 110)
  package static let example = #"{"method": "gtp", "r": 8}"#
  package static let parameters = Schedule.keysOfRemoval(by: Propagate.self)

  package static let needs = MethodNeeds(
    readsAttention: true, sizesInAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = Propagate(values)
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    return Composition(
      score: DiagonalColumnScore(), disposal: disposal,
      steps: try Schedule.given(values, disposal, geometry)
        ?? Schedule.progressive(r: Array(repeating: r, count: geometry.depth), geometry),
      proportionalAttention: values.boolean("proportional_attention"), geometry: geometry)
  }
}
