import Records
import TokenReduction
import VisionModels

/// Reads `methods`: spreads out the lists of each entry and checks every combination for every model.
struct MethodReader {
  /// The most combinations that one entry may have.
  static let mostChoices = 10_000

  /// For methods that have a seed and give none.
  let seed: Int

  /// Every combination that is not known to be wrong.
  func choices(
    _ value: JSONValue?, models: [ModelChoice], checker: inout RuleChecker
  ) -> [MethodChoice] {
    guard case .array(let entries)? = value else { return [] }
    var choices: [MethodChoice] = []
    for (index, entry) in entries.enumerated() {
      let path = "methods[\(index)]"
      guard case .object(let members) = entry, !checker.hasProblem(at: path),
        let name = members["method"]?.asString,
        let method = TokenReductionRegistry.method(named: name)
      else { continue }
      choices += self.choices(
        members, method: method, path: path, models: models, checker: &checker)
    }
    return choices
  }

  private func choices(
    _ members: [String: JSONValue], method: any TokenReductionMethod.Type, path: String,
    models: [ModelChoice], checker: inout RuleChecker
  ) -> [MethodChoice] {
    let choosesR = SpecRules.choosesR(method) && members["r"] == nil
    if SpecRules.choosesR(method), members["r"] != nil, members["alpha"] != nil {
      checker.report(
        "\(path).alpha",
        "alpha chooses r from the grids, and r is given; remove one of the two")
      return []
    }
    var points: [[String: Sweep.Element]] = [[:]]
    for rule in SpecRules.keys(of: method) where rule.key != "method" {
      guard let given = value(of: rule, members, choosesR: choosesR),
        case .axis(let elementRule) = rule.rule,
        let elements = try? Sweep.elements(given, rule: elementRule)
      else { continue }
      guard points.count * elements.count <= Self.mostChoices else {
        checker.report(
          path,
          "its lists multiply to more than \(Self.mostChoices) combinations; shorten one of them")
        return []
      }
      points = points.flatMap { point in
        elements.map { point.merging([rule.key: $0]) { $1 } }
      }
    }
    return points.map { point in
      var parameters = point.mapValues(\.value)
      let alpha = choosesR ? parameters.removeValue(forKey: SpecRules.alpha.key)?.asDouble : nil
      check(point, parameters, method, path: path, models: models, checker: &checker)
      return MethodChoice(path: path, method: method, parameters: parameters, alpha: alpha)
    }
  }

  /// The value given for a key, or the one that a spec as a whole stands for.
  private func value(
    of rule: KeyRule, _ members: [String: JSONValue], choosesR: Bool
  ) -> JSONValue? {
    if let given = members[rule.key] { return given }
    if rule.key == "seed" { return .integer(seed) }
    if rule.key == SpecRules.alpha.key, choosesR, case .value(let value) = rule.standard {
      return value
    }
    return nil
  }

  /// Reports what is impossible for any of the models.
  private func check(
    _ point: [String: Sweep.Element], _ parameters: [String: JSONValue],
    _ method: any TokenReductionMethod.Type, path: String, models: [ModelChoice],
    checker: inout RuleChecker
  ) {
    var tried = parameters
    // Where R is still to be chosen the rest is checked with none removed.
    if SpecRules.choosesR(method), tried["r"] == nil { tried["r"] = .integer(0) }
    for model in models {
      let problems = TokenReductionRegistry.problems(
        method: method, parameters: tried, geometry: model.entry.architecture.geometry)
      for problem in problems {
        let suffix = point[problem.key]?.suffix ?? ""
        checker.report(
          "\(path).\(problem.key)\(suffix)", Self.naming(model.name, in: problem.message))
      }
    }
  }

  /// A message of a method, which knows no model, with the model's name.
  static func naming(_ model: String, in message: String) -> String {
    message.replacing("patch tokens", with: "patch tokens of \(model)", maxReplacements: 1)
      .replacing("the model's", with: "\(model)'s", maxReplacements: 1)
  }
}
