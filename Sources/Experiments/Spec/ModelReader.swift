import Foundation
import Records
import VisionModels

/// Reads one value of `model`: a name, or an object with name, weights and sizes.
struct ModelReader {
  let path: String
  private let found: [String: Result<ModelFinder.Found, any Error>]

  init(path: String, found: [String: Result<ModelFinder.Found, any Error>] = [:]) {
    self.path = path
    self.found = found
  }

  /// The content of a repository or folder with this name.
  private func model(named name: String?) -> ModelFinder.Found? {
    name.flatMap { try? found[$0]?.get() }
  }

  /// The model, or `nil` if there are problems, which are then in `checker`.
  mutating func choice(_ value: JSONValue, checker: inout RuleChecker) -> ModelChoice? {
    switch value {
    case .string(let name):
      guard let entry = entry(name, at: path, checker: &checker) else { return nil }
      return choice(entry, weights: nil, of: name, checker: &checker)
    case .object(let members):
      guard let sized = entry(members, checker: &checker),
        let entry = PreprocessingReader(path: "\(path).preprocessing")
          .apply(members["preprocessing"], to: sized, checker: &checker)
      else { return nil }
      let name = members["name"]?.asString
      let key = members["checkpoint_key"]?.asString
      if case .array(let files)? = members["weights"] {
        let names = files.compactMap(\.asString)
        return keyed(
          ModelChoice(
            path: path, entry: entry, weights: .files(names), notes: model(named: name)?.notes ?? []
          ), key, checker: &checker)
      }
      return choice(entry, weights: members["weights"]?.asString, of: name, checker: &checker)
        .flatMap { keyed($0, key, checker: &checker) }
    default: return nil
    }
  }

  /// The model with the checkpoint entry of its weights, which is possible only for a single file.
  private func keyed(
    _ choice: ModelChoice, _ key: String?, checker: inout RuleChecker
  ) -> ModelChoice? {
    guard let key else { return choice }
    guard case .files(let files) = choice.weights, files.count == 1 else {
      checker.report(
        "\(path).checkpoint_key",
        "it names a copy of the model in one file of weights, and \"weights\" names "
          + (choice.weights.isFiles ? "several; leave it out" : "none; give one, or leave it out"))
      return nil
    }
    var choice = choice
    choice.checkpointKey = key
    return choice
  }

  private func entry(_ name: String, at path: String, checker: inout RuleChecker) -> ModelEntry? {
    if let entry = ModelRegistry.entry(named: name) { return entry }
    switch found[name] {
    case .success(let model)?: return model.entry
    case .failure(let error)?:
      checker.report(path, "\(error)")
      return nil
    case nil: break
    }
    checker.report(path, "\"\(name)\" is not a model; \(ModelNameAdvice().text(for: name))")
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
    if let named = ModelRegistry.entry(named: name) ?? model(named: name)?.entry {
      base = named
      merged = named.architecture.members
      name = ModelChoice.customPrefix + named.name
    } else if case .failure(let error)? = found[name] {
      checker.report("\(path).name", "\(error)")
      return nil
    }
    merged.merge(sizes) { $1 }
    let family = merged.removeValue(forKey: "family")?.asString ?? ModelRegistry.defaultFamily
    guard let type = ModelRegistry.family(named: family) else { return nil }
    let missing = type.parameters.filter {
      $0.defaultValue == nil && $0.otherwise == nil && merged[$0.name] == nil
    }
    guard missing.isEmpty else {
      for parameter in missing {
        checker.report(
          "\(path).architecture",
          "the key '\(parameter.name)' is missing; it must be \(parameter.expectation)")
      }
      return nil
    }
    let known = type.parameters.map(\.name)
    for key in sizes.keys.sorted() where key != "family" && !known.contains(key) {
      checker.report(
        "\(path).architecture.\(key)",
        "\(type.family) has no such size; \(NearestName.advice(key, among: known, noun: "its sizes"))"
      )
    }
    guard let architecture = type.decode(merged) else { return nil }
    let problems = architecture.problems()
    for problem in problems {
      checker.report("\(path).architecture.\(problem.key)", problem.message)
    }
    guard problems.isEmpty else { return nil }
    // Sizes that are equal to the named model's change nothing.
    if let base, AnyHashable(base.architecture) == AnyHashable(architecture) { return base }
    guard let base else { return ModelRegistry.custom(architecture, name: name) }
    return ModelEntry(
      name: name, displayName: name, architecture: architecture,
      preprocessing: base.preprocessing.resized(to: architecture.imageSize), source: base.source)
  }

  private func choice(
    _ entry: ModelEntry, weights: String?, of name: String?, checker: inout RuleChecker
  ) -> ModelChoice? {
    if let found = model(named: name), weights == nil || weights != "random" && weights != "demo" {
      return ModelChoice(
        path: path, entry: entry, weights: .files([weights ?? found.weights]), notes: found.notes)
    }
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
            : "\"demo\" weights fit \(Self.demoModel) alone, not \(entry.name); give a file of "
              + "weights, or \"random\"")
        return nil
      }
      return ModelChoice(path: path, entry: entry, weights: .demo)
    case let file?: return ModelChoice(path: path, entry: entry, weights: .files([file]))
    }
  }

  /// The only model whose weights are included in the program.
  static let demoModel = "demo_vit"
}
