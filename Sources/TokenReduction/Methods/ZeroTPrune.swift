import Records

/// Zero-TPrune: removes tokens that are similar to more important ones, then those that the votes
/// of the attention map find least important.
///
/// The authors published no code for the blocks and keep rates: the defaults are the paper's
/// values, relative to the depth.
package enum ZeroTPrune: TokenReductionMethod {
  package static let name = "zero_tprune"
  package static let summary =
    "drops similar tokens, then the least important ones by iterated votes of the "
    + "attention map"
  package static let source = "Wang et al., CVPR 2024"
  package static let traits = MethodTraits(family: .drop, color: "#4477AA", order: 130)
  package static let example = #"{"method": "zero_tprune", "keep_rates": [1, 0.9, 0.8, 0.7, 1]}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter(
        "layers", .layers, otherwise: "1, 3, 6, 9 and 11 of 12 blocks, or as far into others",
        "blocks where tokens are removed"),
      MethodParameter(
        "keep_rates", .rates, default: .array([1, 0.9, 0.8, 0.7, 1].map { .number($0) }),
        "fraction of the tokens remaining after the similarity stage that is kept, "
          + "for each of the layers"),
    ] + DropSimilarThenLeast.parameters + PageRankScore.parameters)

  package static let needs = MethodNeeds(readsAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let rates = values.doubles("keep_rates")
    let layers =
      values.has("layers")
      ? values.integers("layers") : [1, 3, 6, 9, 11].map { $0 * geometry.depth / 12 }
    let disposal = DropSimilarThenLeast(values)
    guard layers.count == rates.count || rates.isEmpty || values.has("tokens") else {
      throw ParameterProblem(
        key: "keep_rates",
        message: "has \(rates.count) values for \(layers.count) layers; give one each")
    }
    let steps =
      try Schedule.given(values, disposal, geometry)
      ?? Schedule.steps(geometry) { block, tokens in
        guard let index = layers.lastIndex(of: block) else { return nil }
        let patches = tokens - geometry.prefixTokens
        let left = patches - min(disposal.similar, patches / 2)
        let keep = max(1, Int((Double(left) * rates[index]).rounded(.up)))
        return keep < patches ? geometry.prefixTokens + keep : nil
      }
    return Composition(
      score: PageRankScore(values), disposal: disposal, steps: steps, geometry: geometry)
  }
}
