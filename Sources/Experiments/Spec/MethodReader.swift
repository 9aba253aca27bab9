import Records
import TokenReduction
import VisionModels

/// Reads `methods`: expands the lists of each entry and checks every combination for every model.
struct MethodReader {
  /// The maximum number of combinations of one entry.
  static let maxChoices = 10_000

  /// The seed of methods that have one but do not set it.
  let seed: Int

  /// Every combination that has no known problem.
  func choices(
    _ value: JSONValue?, models: [ModelChoice], checker: inout RuleChecker
  ) -> [MethodChoice] {
    guard case .array(let entries)? = value else { return [] }
    let targets = models.map { Target(name: $0.name, geometry: $0.entry.info.geometry) }
    var choices: [MethodChoice] = []
    for (index, entry) in entries.enumerated() {
      let path = "methods[\(index)]"
      guard case .object(let members) = entry, !checker.hasProblem(at: path),
        let name = members["method"]?.asString,
        let method = TokenReductionRegistry.method(named: name)
      else { continue }
      choices += self.choices(
        members, method: method, path: path, targets: targets, checker: &checker)
    }
    return choices
  }

  /// A model that every method must fit.
  private struct Target {
    let name: String
    /// `nil` of a model without tokens.
    let geometry: TokenGeometry?
  }

  private func choices(
    _ members: [String: JSONValue], method: any TokenReductionMethod.Type, path: String,
    targets: [Target], checker: inout RuleChecker
  ) -> [MethodChoice] {
    guard let search = searchKey(members, method, path: path, checker: &checker) else { return [] }
    let triesLayers = Self.triesLayers(search)
    guard
      var points = Self.schedule(members, method, search: search, path: path, checker: &checker)
    else { return [] }
    for rule in SpecRules.keys(of: method) where rule.key != "method" {
      guard !(triesLayers && rule.key == "layer"),
        let given = value(of: rule, members, search: search),
        case .axis(let elementRule) = rule.rule,
        let elements = try? Sweep.elements(given, rule: elementRule)
      else { continue }
      guard points.count * elements.count <= Self.maxChoices else {
        checker.report(
          path,
          "its lists multiply to more than \(Self.maxChoices) combinations; shorten one of them")
        return []
      }
      points = points.flatMap { point in
        elements.map { point.merging([rule.key: $0]) { $1 } }
      }
    }
    let layers = triesLayers ? self.layers(members) : []
    return points.map { point in
      var parameters = point.mapValues(\.value)
      let wish = search.isEmpty ? nil : parameters.removeValue(forKey: search)
      let tried = layers.isEmpty ? [nil] : layers.map { Optional($0) }
      for layer in tried {
        var complete = point
        if let layer { complete["layer"] = layer }
        check(complete, search: search, method, path: path, targets: targets, checker: &checker)
      }
      return MethodChoice(
        path: path, method: method, parameters: parameters,
        search: wish.flatMap { Self.search(search, $0) }, layers: layers.map(\.value))
    }
  }

  /// The key that chooses `r`; empty if `r` is given or the method has none, `nil` after a mistake.
  private func searchKey(
    _ members: [String: JSONValue], _ method: any TokenReductionMethod.Type, path: String,
    checker: inout RuleChecker
  ) -> String? {
    let searches = SpecRules.searches(of: method).map(\.key)
    guard !searches.isEmpty else { return "" }
    let given = (searches + ["r"]).filter { members[$0] != nil }
    guard given.count <= 1 else {
      checker.report(
        "\(path).\(given[0])",
        given[1] == "r"
          ? "\(given[0]) chooses r from measurements, and r is given; remove one of the two"
          : "\(given[0]) and \(given[1]) both choose r; remove one of the two")
      return nil
    }
    // With explicit counts, there is nothing to choose.
    if given == ["r"] || members[Schedule.tokens.name] != nil { return "" }
    if let key = given.first { return key }
    if method == TailEffect.self {
      // A schedule that says no number of tokens in all leaves R nothing to say.
      let kind = members[Schedule.kindName]?.asString
      return kind.map(Schedule.kindsOfTotal.contains) ?? true ? SpecRules.alpha.key : ""
    }
    guard SpecRules.needsR(method), members[Schedule.kindName] == nil else { return "" }
    let r = method.parameters.first { $0.name == "r" }
    checker.report(path, "the key 'r' is missing; it must be \(r?.rule.expectation ?? "a number")")
    return nil
  }

  /// The schedule of what `alpha` chooses where that is not the method's own; `nil` after a
  /// mistake.
  private static func schedule(
    _ members: [String: JSONValue], _ method: any TokenReductionMethod.Type, search: String,
    path: String, checker: inout RuleChecker
  ) -> [[String: Sweep.Element]]? {
    guard !search.isEmpty else { return [[:]] }
    let fitting =
      search == SpecRules.matchLatency.key ? Schedule.kindsOfNumber : Schedule.kindsOfTotal
    if let given = members[Schedule.kindName] {
      let kinds: [JSONValue] = if case .array(let all) = given { all } else { [given] }
      guard kinds.allSatisfy({ fitting.contains($0.asString ?? "") }) else {
        let what = search == SpecRules.matchLatency.key ? "go" : "go in all"
        checker.report(
          "\(path).\(Schedule.kindName)",
          "\(search) chooses how many tokens \(what), and \(given.text) says something else; it must "
            + "be " + fitting.map { "\"\($0)\"" }.joined(separator: " or "))
        return nil
      }
      return [[:]]
    }
    guard search == SpecRules.alpha.key, method != TailEffect.self else { return [[:]] }
    let kind = fitting[members["layers"] == nil ? 0 : 1]
    return [[Schedule.kindName: Sweep.Element(value: .string(kind), suffix: "")]]
  }

  private static func triesLayers(_ search: String) -> Bool {
    search == SpecRules.targetLatency.key || search == SpecRules.targetAccuracyDrop.key
  }

  private static func search(_ key: String, _ value: JSONValue) -> RSearch? {
    switch key {
    case SpecRules.alpha.key: value.asDouble.map { .utility(alpha: $0) }
    case SpecRules.targetLatency.key: value.asDouble.map { .withinLatency(milliseconds: $0) }
    case SpecRules.targetAccuracyDrop.key: value.asDouble.map { .withinDrop(points: $0) }
    default: value.asString.map { .asFastAs(method: $0) }
    }
  }

  /// The layers that a target tries.
  private func layers(_ members: [String: JSONValue]) -> [Sweep.Element] {
    let given = members["layer"] ?? .array(SpecRules.searchedLayers)
    return (try? Sweep.elements(given, rule: .layer)) ?? []
  }

  /// The value given for a key, or the spec's own default.
  private func value(
    of rule: KeyRule, _ members: [String: JSONValue], search: String
  ) -> JSONValue? {
    if let given = members[rule.key] { return given }
    if rule.key == "seed" { return .integer(seed) }
    if rule.key == search, case .value(let value) = rule.standard { return value }
    return nil
  }

  /// Reports what is impossible for any of the models.
  private func check(
    _ point: [String: Sweep.Element], search: String, _ method: any TokenReductionMethod.Type,
    path: String, targets: [Target], checker: inout RuleChecker
  ) {
    var tried = point.mapValues(\.value)
    // If R is still to be chosen, the rest is checked without removal.
    if !search.isEmpty {
      tried[search] = nil
      tried["r"] = .integer(0)
    }
    for model in targets {
      guard let geometry = model.geometry ?? Self.geometryOfNone(method) else {
        checker.report(path, "\(VisionModelsError.noTokens(model: model.name))")
        continue
      }
      let problems = TokenReductionRegistry.problems(
        method: method, parameters: tried, geometry: geometry)
      for problem in problems {
        let suffix = point[problem.key]?.suffix ?? ""
        checker.report(
          "\(path).\(problem.key)\(suffix)", Self.naming(model.name, in: problem.message))
      }
    }
  }

  /// The baseline also runs on a model without tokens.
  private static func geometryOfNone(_ method: any TokenReductionMethod.Type) -> TokenGeometry? {
    method.name == NoReduction.name ? TokenGeometry.none : nil
  }

  /// A message of a method, with the model's name added.
  static func naming(_ model: String, in message: String) -> String {
    message.replacing("patch tokens", with: "patch tokens of \(model)", maxReplacements: 1)
      .replacing("the model's", with: "\(model)'s", maxReplacements: 1)
  }
}
