import Records
import Tensors

/// The tail-effect method: removes R tokens at one block, with R chosen so that the device's
/// latency falls by a step.
///
/// `r` is the total number of removed tokens: N − R remain, including the fused token. Differs: the
/// published code keeps N − R − 2 patch tokens whatever the prefix, so its R is ours + prefix − 1,
/// and without the fused token one more.
package enum TailEffect: TokenReductionMethod {
  package static let name = "tail_effect"
  package static let summary =
    "keeps the tokens with the most received attention and the largest values at one "
    + "block and fuses the others"
  package static let source = "\"Pruning One More Token is Enough\", WACV 2025"
  package static let traits = MethodTraits(family: .latencyStep, color: "#D55E00", order: 50)
  package static let example = #"{"method": "tail_effect", "r": 98, "layer": "25%"}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens removed"),
      MethodParameter(
        "layer", .layer, default: .string("25%"),
        "block where tokens are removed"),
      MethodParameter(
        "fused_token", .boolean, default: .boolean(true),
        "whether the mean of the removed tokens is kept as one token"),
    ] + TailEffectScore.parameters)

  package static let needs = MethodNeeds(
    readsAttention: true, reordersTokens: true, isHardwareAware: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    let fuses = values.boolean("fused_token")
    let disposal: any TokenDisposal = fuses ? FuseMean() : Drop()
    try checkRemoval(r, leaving: fuses ? 2 : 1, geometry)
    return Composition(
      score: try TailEffectScore(values), disposal: disposal,
      steps: try Schedule.given(values, disposal, geometry)
        ?? Schedule.single(
          r: r, block: values.integer("layer"), position: .insideBlock, geometry),
      geometry: geometry)
  }
}
