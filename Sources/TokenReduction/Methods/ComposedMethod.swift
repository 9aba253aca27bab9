import Records

/// Any score with any disposal and any schedule, so that a new combination is a spec and not a new
/// class.
package enum ComposedMethod: TokenReductionMethod {
  package static let name = "compose"
  package static let summary = "any score with any disposal and any schedule"
  package static let source = "scores, disposals and schedules of the other methods"
  package static let traits = MethodTraits(family: .composed, color: "#CC79A7", order: 60)
  package static let example =
    #"{"method": "compose", "score": "tail_effect", "disposal": "merge", "schedule": "single", "r": 72}"#
  package static let parameters: [MethodParameter] = {
    let parameters =
      [
        MethodParameter(
          "score", .choice(TokenScores.all.map { $0.name } + [keySimilarity, noScore]),
          "the importance of each patch token; \"key_similarity\" is ToMe's matching, "
            + "\"none\" is for a disposal that chooses the tokens itself"),
        MethodParameter(
          "disposal", .choice(TokenDisposals.all.map { $0.name }),
          "what happens to the tokens that are not kept"),
        MethodParameter(
          Schedule.kind.name, .choice(Schedule.Kind.allCases.map(\.rawValue)),
          default: .string("single"), Schedule.kind.summary),
        MethodParameter(
          "r", .integer(minimum: 0, maximum: nil), default: .integer(0),
          "tokens removed: in total (\"single\", \"spread\") or at every block (\"progressive\")"),
        Schedule.layer,
        MethodParameter(
          "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1), default: .number(1),
          "fraction of the patch tokens that is kept (\"keep_rate\")"),
        Schedule.keepBase,
        MethodParameter(
          "layers", .layers, default: Schedule.layers.defaultValue,
          "blocks of the \"keep_rate\" and \"spread\" schedules"),
        Schedule.tokens,
        MethodParameter(
          "position", .choice(positions.keys.sorted()), otherwise: "that of the score",
          "where in a block tokens are removed"),
        MethodParameter(
          "proportional_attention", .boolean, default: .boolean(true),
          "whether attention weights merged tokens by their number of patches"),
        MethodParameter(
          "seed", .integer(minimum: 0, maximum: nil), default: .integer(0), "seed of \"random\""),
      ]
    return parameters + TailEffectScore.parameters
      + own.filter { parameter in
        !TailEffectScore.parameters.contains { $0.name == parameter.name }
      }.map(\.asOptional)
  }()

  /// Keys of scores and disposals.
  private static let own =
    TokenScores.all.flatMap { $0.parameters } + TokenDisposals.all.flatMap { $0.parameters }

  static let keySimilarity = "key_similarity"
  static let noScore = "none"
  private static let positions: [String: ReductionStep.Position] = [
    "before_block": .beforeBlock, "inside_attention": .insideAttention,
    "inside_block": .insideBlock, "after_block": .afterBlock,
  ]

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    // Records do not contain the keys of scores that are not chosen; their defaults are filled in
    // here.
    let values = values.filled(Self.own)
    let disposal = try disposal(values)
    let score = try score(values, for: disposal)
    let position = try position(values, score, disposal)
    let steps =
      try Schedule.given(values, disposal, position: position, geometry) ?? []
    let inputs = (score?.inputs ?? ReductionInputs()).union(disposal.inputs)
    if position == .beforeBlock, inputs.received != nil, steps.first?.block == 0 {
      throw ParameterProblem(
        key: "layer",
        message: "block 0 has no block before it, whose attention is read; begin later")
    }
    return Composition(
      score: score, disposal: disposal, steps: steps,
      proportionalAttention: disposal.tracksSizes && values.boolean("proportional_attention"),
      geometry: geometry)
  }

  private static func disposal(
    _ values: ParameterValues
  ) throws(ParameterProblem) -> any TokenDisposal {
    let name = values.string("disposal")
    if values.string("score") == keySimilarity {
      guard name == MergeIntoKept.name else {
        throw ParameterProblem(
          key: "disposal",
          message: "\"key_similarity\" chooses pairs; it goes with \"merge\" alone")
      }
      return MergePairs()
    }
    guard let type = TokenDisposals.all.first(where: { $0.name == name }) else {
      throw ParameterProblem(key: "disposal", message: "\"\(name)\" is not known")
    }
    return try type.init(values)
  }

  private static func score(
    _ values: ParameterValues, for disposal: any TokenDisposal
  ) throws(ParameterProblem) -> (any TokenScore)? {
    let (name, other) = (values.string("score"), values.string("disposal"))
    if name == keySimilarity { return nil }
    guard disposal.takesScore else {
      guard name == noScore else {
        throw ParameterProblem(
          key: "score",
          message: "\"\(other)\" chooses by itself and reads no score; it goes with \"none\" alone")
      }
      return nil
    }
    guard let type = TokenScores.all.first(where: { $0.name == name }) else {
      throw ParameterProblem(
        key: "score", message: "\"\(other)\" needs a score, and \"\(name)\" is none")
    }
    return try type.init(values)
  }

  /// The position that both allow.
  private static func position(
    _ values: ParameterValues, _ score: (any TokenScore)?, _ disposal: any TokenDisposal
  ) throws(ParameterProblem) -> ReductionStep.Position {
    let shared = (score?.positions ?? disposal.positions).filter(disposal.positions.contains)
    guard let first = shared.first else {
      throw ParameterProblem(
        key: "disposal",
        message:
          "\"\(values.string("disposal"))\" does not act where \"\(values.string("score"))\" "
          + "can be computed; take \"drop\", which acts everywhere")
    }
    guard let wished = positions[values.string("position")] else { return first }
    guard shared.contains(wished) else {
      let names = positions.filter { shared.contains($0.value) }.keys.sorted()
      throw ParameterProblem(
        key: "position",
        message: "\"\(values.string("position"))\" is not possible with this score and disposal; "
          + "possible is \(names.map { "\"\($0)\"" }.joined(separator: ", "))")
    }
    return wished
  }
}
