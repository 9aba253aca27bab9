import Records
import Tensors

/// Any score with any disposal and any schedule, so that a new combination is a spec and not a new
/// class.
package enum ComposedMethod: TokenReductionMethod {
  package static let name = "compose"
  package static let summary = "any score with any disposal and any schedule"
  package static let source = "scores, disposals and schedules of the other methods"
  package static let traits = MethodTraits(family: .composed, color: "#CC79A7", order: 60)
  package static let example =
    #"{"method": "compose", "score": "tail_effect", "disposal": "merge", "schedule": "single", "r": 72}"#
  package static let parameters =
    [
      MethodParameter(
        "score", .choice(["random", "class_attention", "tail_effect", "key_similarity"]),
        "how important each patch token is; \"key_similarity\" is ToMe's matching"),
      MethodParameter(
        "disposal", .choice(["drop", "fuse_mean", "fuse_score_sum", "merge"]),
        "what happens to the tokens that are not kept"),
      MethodParameter(
        "schedule", .choice(["single", "progressive", "keep_rate"]), default: .string("single"),
        "R at one block, r at every block, or a share at some blocks"),
      MethodParameter(
        "r", .integer(minimum: 0, maximum: nil), default: .integer(0),
        "tokens removed: in total (\"single\") or at every block (\"progressive\")"),
      MethodParameter("layer", .layer, default: .string("25%"), "block of the \"single\" schedule"),
      MethodParameter(
        "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1), default: .number(1),
        "share of the current patch tokens that stays (\"keep_rate\")"),
      MethodParameter(
        "layers", .layers, default: .array([.string("25%"), .string("50%"), .string("75%")]),
        "blocks of the \"keep_rate\" schedule"),
      MethodParameter(
        "proportional_attention", .boolean, default: .boolean(true),
        "whether merged tokens count in attention as often as the patches behind them"),
      MethodParameter(
        "seed", .integer(minimum: 0, maximum: nil), default: .integer(0), "seed of \"random\""),
    ] + TailEffectScore.parameters

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let disposal = disposals[values.string("disposal")] ?? .drop
    let score = try score(values)
    guard score != .keySimilarity || disposal == .merge else {
      throw ParameterProblem(
        key: "disposal", message: "\"key_similarity\" chooses pairs; it goes with \"merge\" alone")
    }
    return Composition(
      score: score, disposal: disposal,
      steps: try steps(values, score: score, disposal: disposal, geometry),
      proportionalAttention: disposal == .merge && values.boolean("proportional_attention"),
      geometry: geometry)
  }

  private static let disposals: [String: TokenDisposal] = [
    "drop": .drop, "fuse_mean": .fuseMean, "fuse_score_sum": .fuseScoreSum, "merge": .merge,
  ]

  private static func score(_ values: ParameterValues) throws(ParameterProblem) -> TokenScore {
    switch values.string("score") {
    case "random": .random(seed: UInt64(values.integer("seed")))
    case "class_attention": .classAttention
    case "key_similarity": .keySimilarity
    default: .tailEffect(try TailEffectScore(values))
    }
  }

  private static func steps(
    _ values: ParameterValues, score: TokenScore, disposal: TokenDisposal,
    _ geometry: TokenGeometry
  ) throws(ParameterProblem) -> [ReductionStep] {
    let extra = disposal == .fuseMean || disposal == .fuseScoreSum ? 1 : 0
    let r = values.integer("r")
    let counts = Array(repeating: r, count: geometry.depth)
    switch values.string("schedule") {
    case "progressive":
      try checkRemoval(r, leaving: 1 + extra, geometry)
      return score == .keySimilarity
        ? Schedule.halving(r: counts, geometry)
        : Schedule.progressive(r: counts, leaving: 1 + extra, geometry)
    case "keep_rate":
      let steps = Schedule.keepRate(
        values.double("keep_rate"), layers: values.integers("layers"), extra: extra, geometry)
      guard score != .keySimilarity || steps.allSatisfy({ halves($0, geometry) }) else {
        throw ParameterProblem(
          key: "keep_rate", message: "\"key_similarity\" can remove at most half of the tokens")
      }
      return steps
    default:
      try checkRemoval(r, leaving: 1 + extra, geometry)
      let steps = Schedule.single(
        r: r, block: values.integer("layer"), position: .insideBlock, geometry)
      guard score != .keySimilarity || steps.allSatisfy({ halves($0, geometry) }) else {
        throw ParameterProblem(
          key: "r",
          message:
            "\(r) is more than half of the \(geometry.patchTokens) patch tokens, which is all "
            + "that \"key_similarity\" can pair at one block")
      }
      return steps
    }
  }

  private static func halves(_ step: ReductionStep, _ geometry: TokenGeometry) -> Bool {
    step.tokensIn - step.tokensOut <= (step.tokensIn - geometry.prefixTokens) / 2
  }
}
