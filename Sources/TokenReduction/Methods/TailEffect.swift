import Records
import Tensors

/// The tail-effect method: R tokens go at one block, chosen so that the device's latency falls a
/// step.
///
/// `r` counts tokens in total: N − R remain, the fused one included. Differs: the published code
/// keeps N − R − 2 patch tokens whatever the prefix, so its R is ours + prefix − 1, and without the
/// fused token one more.
package enum TailEffect: TokenReductionMethod {
  package static let name = "tail_effect"
  package static let summary =
    "keeps the tokens with the most received attention and value at one block, fuses the others"
  package static let source = "\"Pruning One More Token is Enough\", WACV 2025"
  package static let traits = MethodTraits(family: .latencyStep, color: "#D55E00", order: 50)
  package static let example = #"{"method": "tail_effect", "r": 98, "layer": "25%"}"#
  package static let parameters =
    [
      MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens removed"),
      MethodParameter("layer", .layer, default: .string("25%"), "block where tokens go"),
      MethodParameter(
        "fused_token", .boolean, default: .boolean(true),
        "whether the mean of the others is kept as one token"),
    ] + TailEffectScore.parameters

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    let fuses = values.boolean("fused_token")
    try checkRemoval(r, leaving: fuses ? 2 : 1, geometry)
    return Composition(
      score: .tailEffect(try TailEffectScore(values)), disposal: fuses ? .fuseMean : .drop,
      steps: Schedule.single(
        r: r, block: values.integer("layer"), position: .insideBlock, geometry),
      geometry: geometry)
  }
}

extension TailEffectScore {
  /// The ablations of the paper's table 2 as keys of a spec.
  static let parameters = [
    MethodParameter(
      "attention", .boolean, default: .boolean(true), "whether received attention counts"),
    MethodParameter(
      "attention_heads", .choice(HeadReduction.allCases.map(\.rawValue)), default: .string("max"),
      "how the heads of the attention become one"),
    MethodParameter(
      "feature", .choice(["q", "k", "v", "none"]), default: .string("v"),
      "which projection the feature term reads"),
    MethodParameter(
      "feature_heads", .choice(HeadReduction.allCases.map(\.rawValue)), default: .string("max"),
      "how the heads of the feature term become one"),
    MethodParameter(
      "normalization", .choice(ScoreNormalization.allCases.map(\.rawValue)),
      default: .string("image"),
      "over what the attention term's maximum is taken; \"batch\" as the authors' code"),
  ]

  init(_ values: ParameterValues) throws(ParameterProblem) {
    let feature: AttentionFeature? =
      switch values.string("feature") {
      case "q": .query
      case "k": .key
      case "v": .value
      default: nil
      }
    self.init(
      usesAttention: values.boolean("attention"), feature: feature,
      attentionHeads: HeadReduction(rawValue: values.string("attention_heads")) ?? .max,
      featureHeads: HeadReduction(rawValue: values.string("feature_heads")) ?? .max,
      normalization: ScoreNormalization(rawValue: values.string("normalization")) ?? .image)
    guard usesAttention || self.feature != nil else {
      throw ParameterProblem(
        key: "feature",
        message: "\"none\" with \"attention\": false leaves no score; keep one of the two terms")
    }
  }
}
