import Foundation
import Records
import VisionModels

/// Reads one value of `model`: a name, or an object with name, weights and sizes.
struct ModelReader {
  let path: String

  init(path: String) { self.path = path }

  /// The model, or `nil` when something is wrong with it, which `checker` then holds.
  mutating func choice(_ value: JSONValue, checker: inout RuleChecker) -> ModelChoice? {
    switch value {
    case .string(let name):
      guard let entry = entry(name, at: path, checker: &checker) else { return nil }
      return choice(entry, weights: nil, checker: &checker)
    case .object(let members):
      guard let entry = entry(members, checker: &checker) else { return nil }
      return choice(entry, weights: members["weights"]?.asString, checker: &checker)
    default: return nil
    }
  }

  private func entry(_ name: String, at path: String, checker: inout RuleChecker) -> ModelEntry? {
    if let entry = ModelRegistry.entry(named: name) { return entry }
    let names = ModelRegistry.all.map(\.name)
    let nearest = NearestName.of(name, among: names)
    checker.report(
      path,
      "\"\(name)\" is not a model; "
        + (nearest.map { "did you mean '\($0)'?" } ?? "`lab models` lists them"))
    return nil
  }

  private func entry(_ members: [String: JSONValue], checker: inout RuleChecker) -> ModelEntry? {
    guard case .object(let sizes)? = members["architecture"] else {
      guard let name = members["name"]?.asString else {
        checker.report(path, "neither 'name' nor 'architecture' says which model; give one")
        return nil
      }
      return entry(name, at: "\(path).name", checker: &checker)
    }
    var merged: [String: JSONValue] = [:]
    var name = members["name"]?.asString ?? "custom"
    var base: ModelEntry?
    if let named = ModelRegistry.entry(named: name) {
      base = named
      merged = Self.members(of: named.architecture)
      name = ModelChoice.customPrefix + name
    }
    merged.merge(sizes) { $1 }
    let missing = ["embed_dim", "num_heads"].filter { merged[$0] == nil }
    guard missing.isEmpty else {
      for key in missing {
        checker.report(
          "\(path).architecture", "the key '\(key)' is missing; it must be a whole number from 1")
      }
      return nil
    }
    guard let architecture = Self.architecture(merged) else { return nil }
    let problems = architecture.problems()
    for problem in problems {
      checker.report("\(path).architecture.\(problem.key)", problem.message)
    }
    guard problems.isEmpty else { return nil }
    // Sizes that repeat the named model's change nothing.
    if let base, base.architecture == architecture { return base }
    guard let base, base.architecture.imageSize == architecture.imageSize else {
      return ModelRegistry.custom(architecture, name: name)
    }
    return ModelEntry(
      name: name, displayName: name, architecture: architecture,
      preprocessing: base.preprocessing, source: base.source)
  }

  private func choice(
    _ entry: ModelEntry, weights: String?, checker: inout RuleChecker
  ) -> ModelChoice? {
    let isDemo = entry.name == Self.demoModel
    switch weights {
    case nil: return ModelChoice(path: path, entry: entry, weights: isDemo ? .demo : .random)
    case "random": return ModelChoice(path: path, entry: entry, weights: .random)
    case "demo":
      guard isDemo else {
        checker.report(
          "\(path).weights",
          entry.name == ModelChoice.customPrefix + Self.demoModel
            ? "\"demo\" weights fit \(Self.demoModel) as it is, and \"architecture\" changes it; remove "
              + "\"architecture\", or give weights made for it, or \"random\""
            : "\"demo\" weights fit \(Self.demoModel) alone, not \(entry.name); give a safetensors "
              + "file, or \"random\"")
        return nil
      }
      return ModelChoice(path: path, entry: entry, weights: .demo)
    case let file?: return ModelChoice(path: path, entry: entry, weights: .file(file))
    }
  }

  /// The one model whose weights come with the program.
  static let demoModel = "demo_vit"

  /// The sizes of a model by their keys in a spec.
  static func members(of architecture: ViTArchitecture) -> [String: JSONValue] {
    guard let data = try? JSONEncoder().encode(architecture),
      let members = try? JSONDecoder().decode([String: JSONValue].self, from: data)
    else { return [:] }
    return members
  }

  private static func architecture(_ members: [String: JSONValue]) -> ViTArchitecture? {
    guard let data = try? JSONEncoder().encode(members) else { return nil }
    return try? JSONDecoder().decode(ViTArchitecture.self, from: data)
  }
}
