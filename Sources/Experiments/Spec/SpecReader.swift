import Datasets
import Foundation
import Records
import SimulatedDevices
import Tensors
import TokenReduction
import VisionModels

/// Checks the keys of a spec and reads them, all mistakes at once.
///
/// It opens no file and queries nothing of the machine.
package struct SpecReader {
  private let source: SpecSource
  private let devices: DeviceKinds
  private let rules: [KeyRule]
  private var checker: RuleChecker
  private let members: [String: JSONValue]
  /// Models that no registry names, by how the spec writes them.
  private let found: [String: Result<ModelFinder.Found, any Error>]

  private init(
    _ source: SpecSource, _ devices: DeviceKinds,
    _ found: [String: Result<ModelFinder.Found, any Error>]
  ) {
    self.source = source
    self.devices = devices
    rules = SpecRules.root(devices)
    self.found = found
    members = source.members
    checker = RuleChecker { source.origin(of: $0) }
  }

  /// The checked spec of `source`.
  ///
  /// - Parameters:
  ///   - devices: The devices of the program.
  ///   - found: Models that no registry names, by how the spec writes them.
  /// - Throws: `ExperimentsError.invalidSpec` with everything that is wrong.
  package static func read(
    _ source: SpecSource, devices: DeviceKinds,
    found: [String: Result<ModelFinder.Found, any Error>] = [:]
  ) throws -> Spec {
    var reader = SpecReader(source, devices, found)
    let spec = reader.read()
    guard let spec, reader.checker.problems.isEmpty else {
      throw ExperimentsError.invalidSpec(reader.checker.problems)
    }
    return spec
  }

  private mutating func read() -> Spec? {
    checker.check(members, rules, path: "")
    let models = self.models()
    let seed = members["seed"]?.asInt ?? 0
    let methods = MethodReader(seed: seed).choices(
      members["methods"], models: models, checker: &checker)
    let accuracy = self.accuracy()
    let latency = timing(members["latency"], SpecRules.latency)
    let datasets = self.datasets()
    let grid = self.grid()
    guard !checker.hasProblem(at: "name"), case let name = self.name() else { return nil }
    let spec = Spec(
      source: source, name: name, models: models, datasets: datasets,
      devices: axis("device").compactMap(Self.device),
      batchSizes: axis("batch_size").compactMap(\.asInt), methods: methods,
      matchedDrop: members["match_accuracy_drop"]?.asDouble,
      control: members["control"] == .boolean(true), accuracy: accuracy, latency: latency,
      grid: grid, seed: seed,
      skipsBadImages: members["on_bad_image"]?.asString == "skip",
      precisions: axis("precision").compactMap(\.asString),
      threads: members["threads"] == nil ? [nil] : axis("threads").map(\.asInt),
      engines: axis("engine").compactMap(\.asString),
      gelus: axis("gelu").compactMap(\.asString),
      baselines: Self.baselines(members["baseline"]), published: members["published"])
    SpecContradictions.find(in: spec, devices, checker: &checker)
    return spec
  }

  private static func baselines(_ value: JSONValue?) -> [String: String] {
    switch value {
    case .string(let name)?: ["*": name]
    case .object(let members)?: members.compactMapValues(\.asString)
    default: [:]
    }
  }

  private func name() -> String {
    members["name"]?.asString ?? source.derivedName
  }

  /// The values of a top-level axis, or its default.
  private func axis(_ key: String) -> [JSONValue] {
    elements(key).map(\.value)
  }

  private func elements(_ key: String) -> [Sweep.Element] {
    guard let declared = rules.first(where: { $0.key == key }),
      case .axis(let rule) = declared.rule, !checker.hasProblem(at: key)
    else { return [] }
    var standard: JSONValue?
    if case .value(let value) = declared.standard { standard = value }
    guard let value = members[key] ?? standard else { return [] }
    return (try? Sweep.elements(value, rule: rule)) ?? []
  }

  private static func device(_ value: JSONValue) -> DeviceChoice? {
    if case .object(let members) = value {
      if let device = members["simulated"]?.asString {
        return .simulated(
          SimulatedChoice(
            device: device,
            execution: members["execution"]?.asString.flatMap(Execution.init(rawValue:)) ?? .eager,
            precision: members["precision"]?.asString.flatMap(Precision.init(rawValue:))))
      }
      return members["recorded"]?.asString.map(DeviceChoice.recorded)
    }
    return value.asString.map(DeviceChoice.here)
  }

  private func accuracy() -> AccuracyChoice {
    func choice(_ mode: AccuracyChoice.Mode, _ members: [String: JSONValue] = [:]) -> AccuracyChoice
    {
      let values = Standards(members, SpecRules.accuracy)
      return AccuracyChoice(
        mode: mode, images: values.integerIfGiven("images"),
        batchSize: values.integer("batch_size"),
        until: members["until"]?.asString.flatMap(Percent.points))
    }
    switch members["accuracy"] {
    case nil: return choice(.whereTrained)
    case .boolean(false): return choice(.no)
    case .object(let members): return choice(.yes, members)
    default: return choice(.yes)
    }
  }

  private func timing(_ value: JSONValue?, _ rules: [KeyRule]) -> TimingSetting? {
    if value == .boolean(false) { return nil }
    var given: [String: JSONValue] = [:]
    if case .object(let members)? = value { given = members }
    let values = Standards(given, rules)
    return TimingSetting(
      warmup: values.integer("warmup"), minSeconds: values.double("min_seconds"),
      minSamples: values.integer("min_samples"),
      l2: given["l2"]?.asString == "cold" ? .cold : nil,
      until: given["until"]?.asString.flatMap(Percent.share),
      maxSeconds: given["max_seconds"]?.asDouble)
  }

  private func grid() -> GridChoice {
    var given: [String: JSONValue] = [:]
    if case .object(let members)? = members["grid"] { given = members }
    let values = Standards(given, SpecRules.grid)
    return GridChoice(
      stride: max(1, values.integer("stride")), start: values.integerIfGiven("start"),
      stop: values.integerIfGiven("stop"), images: values.integer("images"),
      timing: TimingSetting(
        warmup: values.integer("warmup"), minSeconds: values.double("min_seconds"),
        minSamples: values.integer("min_samples"),
        until: given["until"]?.asString.flatMap(Percent.share),
        maxSeconds: given["max_seconds"]?.asDouble))
  }

  private mutating func datasets() -> [DatasetChoice] {
    elements("dataset").compactMap { dataset($0.value, path: "dataset" + $0.suffix) }
  }

  private mutating func dataset(_ value: JSONValue, path: String) -> DatasetChoice? {
    for known in DatasetKinds.all {
      guard let kind = known.read(value, path: path, &checker) else { continue }
      var members: [String: JSONValue] = [:]
      if case .object(let given) = value { members = given }
      return DatasetChoice(
        path: path, kind: kind, limit: members["limit"]?.asInt,
        manifest: members["manifest"]?.asString, validClasses: Self.validClasses(members),
        reassessedLabels: members["reassessed_labels"]?.asString)
    }
    return nil
  }

  private static func validClasses(
    _ members: [String: JSONValue]
  ) -> ScoredDataset.ValidClasses {
    switch members["valid_classes"] {
    case .array(let classes)?: .listed(classes.compactMap(\.asInt))
    case .string?: .present
    default: .all
    }
  }

  private mutating func models() -> [ModelChoice] {
    var models: [ModelChoice] = []
    for element in elements("model") {
      var reader = ModelReader(path: "model" + element.suffix, found: found)
      if let model = reader.choice(element.value, checker: &checker) { models.append(model) }
    }
    return models
  }
}

/// The values of an object with the defaults of its rules.
struct Standards {
  private let members: [String: JSONValue]
  private let rules: [KeyRule]

  init(_ members: [String: JSONValue], _ rules: [KeyRule]) {
    self.members = members
    self.rules = rules
  }

  private func value(_ key: String) -> JSONValue? {
    if let value = members[key] { return value }
    guard let rule = rules.first(where: { $0.key == key }), case .value(let value) = rule.standard
    else { return nil }
    return value
  }

  func integer(_ key: String) -> Int { value(key)?.asInt ?? 0 }
  func double(_ key: String) -> Double { value(key)?.asDouble ?? 0 }
  func integerIfGiven(_ key: String) -> Int? { members[key]?.asInt }
}
