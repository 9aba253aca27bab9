import Records

/// DiffRate: token counts found by training a rate for each block with frozen weights; class
/// attention decides which tokens are dropped and which are merged.
///
/// The published counts are a spec's `prune` and `tokens`, class token included. Without them, half
/// of r is dropped at every block and half is merged. Every block reorders the tokens.
package enum DiffRate: TokenReductionMethod {
  package static let name = "diffrate"
  package static let summary =
    "drops the tokens with the least class attention and merges others into the most "
    + "similar kept token"
  package static let source = "Chen et al., ICCV 2023; OpenGVLab/DiffRate"
  package static let traits = MethodTraits(family: .merge, color: "#117733", order: 75)
  package static let example = #"{"method": "diffrate", "r": 8}"#
  package static let parameters = Schedule.keysOfRemoval(by: JoinMostSimilar.self)

  package static let needs = MethodNeeds(
    readsAttention: true, sizesInAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = JoinMostSimilar(values)
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    let steps =
      try Schedule.given(values, disposal, keepsEqual: true, geometry)
      ?? Schedule.progressive(r: Array(repeating: r, count: geometry.depth), geometry)
    try disposal.check(steps, geometry)
    return Composition(
      score: ClassAttentionScore(),
      disposal: disposal.halving(steps, isGiven: values.has("tokens")),
      steps: steps, proportionalAttention: values.boolean("proportional_attention"),
      geometry: geometry)
  }
}
