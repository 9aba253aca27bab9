import Records

/// The keys by which a spec replaces the schedule of any method.
extension Schedule {
  /// The values of `schedule`.
  enum Kind: String, CaseIterable {
    /// R tokens at one block.
    case single
    /// R tokens in total, divided among a few blocks.
    case spread
    /// r tokens at every block.
    case progressive
    /// A fraction at each of a few blocks.
    case keepRate = "keep_rate"

    /// The keys that it reads, with their defaults.
    var keys: [String: JSONValue?] {
      switch self {
      case .single: ["r": nil, "layer": .string("25%")]
      case .spread: ["r": nil, "layers": Schedule.layers.defaultValue]
      case .progressive: ["r": nil]
      case .keepRate:
        [
          "keep_rate": nil, "keep_base": .string("current"),
          "layers": Schedule.layers.defaultValue,
        ]
      }
    }
  }

  /// Replaces the method's own schedule.
  static let kind = MethodParameter(
    kindName, .choice(Kind.allCases.map(\.rawValue)), otherwise: "the method's own",
    "R at one block (\"single\"), R divided among several blocks (\"spread\"), r at "
      + "every block (\"progressive\"), or a keep rate at some blocks (\"keep_rate\")")

  package static let kindName = "schedule"

  /// Schedules that give the total number of removed tokens: at one block, and at several.
  package static let kindsOfTotal = [Kind.single.rawValue, Kind.spread.rawValue]

  /// Schedules that say a number of tokens, in all or at each block.
  package static let kindsOfNumber = kindsOfTotal + [Kind.progressive.rawValue]

  // MARK: Keys that several methods have

  static let removedEverywhere = MethodParameter(
    "r", .integer(minimum: 0, maximum: nil), "tokens removed at every block")

  static let keepBase = MethodParameter(
    "keep_base", .choice(["current", "initial"]), otherwise: "\"current\"",
    "base of the keep rate: the current patch tokens, rounded up, or the model's "
      + "initial patch tokens, applied again at each block and rounded down")

  static let layer = MethodParameter(
    "layer", .layer, default: .string("25%"), "block of the \"single\" schedule")

  static let layers = MethodParameter(
    "layers", .layers, default: .array([.string("25%"), .string("50%"), .string("75%")]),
    "blocks where tokens are removed")

  /// A fraction that is applied again at each of the layers.
  static let compoundingKeepRate = MethodParameter(
    "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1), default: .number(0.7),
    "fraction of the model's patch tokens that is kept; its square at the second "
      + "block, and so on")

  static let proportionalAttention = MethodParameter(
    "proportional_attention", .boolean, default: .boolean(true),
    "whether attention weights each token by its size")

  /// The keys of a method that removes r tokens at every block, by a disposal that counts sizes.
  static func keysOfRemoval(by disposal: any TokenDisposal.Type) -> [MethodParameter] {
    keys([removedEverywhere] + disposal.parameters + [proportionalAttention])
  }

  /// The keys of a method that keeps a fraction of the current tokens at every block, `rate` by
  /// default.
  static func keysOfShrinking(
    to rate: Double, by disposal: any TokenDisposal.Type
  ) -> [MethodParameter] {
    let share = MethodParameter(
      "keep_rate", .number(minimum: 0.5, exclusiveMinimum: false, maximum: 1),
      default: .number(rate), "fraction of the current tokens that is kept at every block")
    return keys([share] + disposal.parameters)
  }

  /// The keys of a method that applies a keep rate again at each of a few blocks, followed by the
  /// method's own keys.
  static func keysOfCompounding(
    by disposal: any TokenDisposal.Type, _ own: [MethodParameter] = []
  ) -> [MethodParameter] {
    keys([compoundingKeepRate, layers] + disposal.parameters + own)
  }

  /// A method's own keys, followed by the missing keys of the other schedules.
  static func keys(_ own: [MethodParameter]) -> [MethodParameter] {
    let others = [
      MethodParameter(
        "r", .integer(minimum: 0, maximum: nil), otherwise: "required by some schedules",
        "tokens removed: in total (\"single\", \"spread\") or at every block (\"progressive\")"),
      layer.asOptional(otherwise: "\"25%\""),
      MethodParameter(
        "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1),
        otherwise: "required by that schedule", "fraction of the patch tokens that is kept"),
      keepBase, layers.asOptional(otherwise: "[\"25%\", \"50%\", \"75%\"]"),
    ]
    return own + [tokens, kind]
      + others.filter { other in !own.contains { $0.name == other.name } }.map(\.asAlternative)
  }

  /// Keys of methods' own schedules, which have no meaning with another schedule.
  private static let scheduleKeys: Set<String> = [
    "r", "layer", "layers", "keep_rate", "keep_base", "inflection", "keep_rates", "samples",
    "least",
  ]

  /// The keys of `method` that its `schedule` does not read, and the defaults of those that it
  /// reads; `nil` if the method's own schedule applies.
  static func reading(
    _ method: any TokenReductionMethod.Type, _ given: [String: JSONValue]
  ) -> (unread: Set<String>, standards: [String: JSONValue])? {
    guard method != ComposedMethod.self, given[tokens.name] == nil,
      let kind = given[kind.name]?.asString.flatMap(Kind.init(rawValue:))
    else { return nil }
    return (scheduleKeys.subtracting(kind.keys.keys), kind.keys.compactMapValues { $0 })
  }

  /// The problem of a schedule that is combined with counts for every block.
  static func contradiction(
    _ method: any TokenReductionMethod.Type, _ given: [String: JSONValue]
  ) -> ParameterProblem? {
    guard method != ComposedMethod.self, given[tokens.name] != nil, let value = given[kind.name]
    else { return nil }
    return ParameterProblem(
      key: kind.name,
      message: "\(value.text) has no meaning with \"tokens\", which gives every block's count; "
        + "remove one of the two")
  }

  /// The problem of a key that only other schedules read, if no schedule is given.
  static func unscheduled(_ parameter: MethodParameter, _ value: JSONValue) -> ParameterProblem {
    let kinds = Kind.allCases.filter { $0.keys.keys.contains(parameter.name) }
    return ParameterProblem(
      key: parameter.name,
      message: "\(value.text) has no meaning in the method's own schedule; add \"\(kind.name)\": "
        + kinds.map { "\"\($0.rawValue)\"" }.joined(separator: " or ") + ", or remove it")
  }

  /// The problem of a key that the schedule does not read.
  static func unread(
    _ key: String, _ value: JSONValue, _ given: [String: JSONValue]
  ) -> ParameterProblem {
    let schedule = given[kind.name]?.asString ?? ""
    let read = Kind(rawValue: schedule)?.keys.keys.sorted().map { "'\($0)'" } ?? []
    return ParameterProblem(
      key: key,
      message: "\(value.text) has no meaning with \"schedule\": \"\(schedule)\", which reads "
        + "\(read.joined(separator: ", ")); remove one of the two")
  }

  // MARK: Steps

  /// The steps of `tokens` or `schedule`; `nil` if neither is given and the method's own schedule
  /// applies.
  ///
  /// - Throws: A `ParameterProblem` for values that the model's tokens or the disposal do not
  ///   allow.
  static func given(
    _ values: ParameterValues, _ disposal: any TokenDisposal,
    position: ReductionStep.Position? = nil, keepsEqual: Bool = false, _ geometry: TokenGeometry
  ) throws(ParameterProblem) -> [ReductionStep]? {
    if let steps = try explicit(
      values, disposal, position: position, keepsEqual: keepsEqual, geometry)
    {
      return steps
    }
    guard let kind = Kind(rawValue: values.string(kind.name)) else { return nil }
    return try steps(kind, values, disposal, position: position, geometry)
  }

  /// The steps of one kind of schedule from its keys.
  static func steps(
    _ kind: Kind, _ values: ParameterValues, _ disposal: any TokenDisposal,
    position: ReductionStep.Position? = nil, _ geometry: TokenGeometry
  ) throws(ParameterProblem) -> [ReductionStep] {
    for (key, standard) in kind.keys where standard == nil && !values.has(key) {
      throw ParameterProblem(
        key: key, message: "is missing; the schedule \"\(kind.rawValue)\" needs it")
    }
    let (extra, position) = (disposal.extraTokens, position ?? disposal.positions[0])
    let r = values.integer("r")
    if kind != .keepRate { try checkRemoval(r, leaving: 1 + extra, geometry) }
    let (key, steps): (String, [ReductionStep]) =
      switch kind {
      case .single:
        ("r", single(r: r, block: values.integer("layer"), position: position, geometry))
      case .spread:
        ("r", spread(r: r, layers: values.integers("layers"), position: position, geometry))
      case .progressive:
        ("r", everywhere(r: r, disposal, position: position, geometry))
      case .keepRate:
        (
          "keep_rate",
          values.string("keep_base") == "initial"
            ? compounding(
              values.double("keep_rate"), layers: values.integers("layers"), position: position,
              geometry)
            : keepRate(
              values.double("keep_rate"), layers: values.integers("layers"), extra: extra,
              position: position, geometry)
        )
      }
    for step in steps {
      let allowed = disposal.maxRemoved(of: step.tokensIn - geometry.prefixTokens)
      guard step.tokensIn - step.tokensOut <= allowed else {
        throw ParameterProblem(
          key: key,
          message: "asks block \(step.block) for \(step.tokensIn - step.tokensOut) of "
            + "\(step.tokensIn) tokens; this method can remove at most \(allowed) there")
      }
    }
    return steps
  }

  /// r tokens at every block, limited to what the disposal can remove.
  static func everywhere(
    r: Int, _ disposal: any TokenDisposal, position: ReductionStep.Position,
    _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    let counts = Array(repeating: r, count: geometry.depth)
    let halves =
      geometry.patchTokens > 3
      && disposal.maxRemoved(of: geometry.patchTokens) < geometry.patchTokens - 1
    return halves
      ? halving(r: counts, position: position, geometry)
      : progressive(r: counts, leaving: 1 + disposal.extraTokens, position: position, geometry)
  }

  /// R tokens divided evenly among the given blocks; the first blocks remove one more if R is not
  /// divisible.
  static func spread(
    r: Int, layers: [Int], position: ReductionStep.Position, _ geometry: TokenGeometry
  ) -> [ReductionStep] {
    var left = r
    var places = layers.count
    return steps(geometry, position) { block, tokens in
      guard layers.contains(block) else { return nil }
      let share = (left + places - 1) / places
      left -= share
      places -= 1
      return share > 0 ? tokens - share : nil
    }
  }
}
