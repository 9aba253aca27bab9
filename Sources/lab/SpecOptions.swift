import ArgumentParser
import Experiments
import Foundation
import Hub
import Records
import SimulatedDevices
import Tensors
import TokenReduction

/// A spec, and the options that change it.
struct SpecOptions: ParsableArguments {
  @Argument(help: "The spec, a JSON file.", completion: .file(extensions: ["json"]))
  var spec: String

  @Option(help: "Another model: its name, hf:OWNER/NAME, a folder, or a JSON object as in a spec.")
  var model: [String] = []

  @Option(help: "Weights of --model: a file, or 'random'.", completion: .file())
  var weights: String?

  @Option(help: "Another data set: 'demo', 'imagenet:DIR' or 'folder:DIR'.")
  var dataset: String?

  @Option(
    help:
      "Another device: \(Devices.all.expectation), another machine's as \"recorded:HARDWARE\", or a predicted one as \"simulated:NAME\"."
  )
  var device: [String] = []

  @Option(help: "Other batch sizes.")
  var batchSize: [Int] = []

  @Flag(help: "Never use the network; models of the Hub must be in the cache.")
  var offline = false

  @Option(help: "At most so many images for every accuracy, that of the grids included.")
  var limit: Int?

  func validate() throws {
    if weights != nil, model.count != 1 {
      throw ValidationError("--weights goes with one --model, whose weights they are.")
    }
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }

  /// The spec with the options applied.
  ///
  /// - Throws: `ExperimentsError` with all mistakes.
  func read() throws -> Spec {
    let source = try SpecSource(file: self.spec, overrides: try overrides())
    var spec = try readWithFiles(source)
    if let limit {
      spec.accuracy.images = min(spec.accuracy.images ?? limit, limit)
      spec.grid.images = min(spec.grid.images, limit)
    }
    return spec
  }

  /// The spec; if files are missing, the error also names unavailable devices and a command to try
  /// the spec anyway.
  private func readWithFiles(_ source: SpecSource) throws -> Spec {
    do {
      return try SpecReader.readWithFiles(
        source, devices: Devices.all, finder: ModelFinder(hub: .here(isOffline: offline)))
    } catch ExperimentsError.invalidSpec(let problems)
      where problems.allSatisfy(\.isMissingFile)
    {
      let missing = Self.missingDevices(source)
      // Devices that were asked for by an option stay if they are there.
      let devices = device.isEmpty || !missing.isEmpty ? [Devices.all.standard.name] : device
      let advice = SpecProblem(
        source: self.spec, path: "",
        message: "to try it on the demo model:\n  "
          + Session.command(
            [CommandLine.arguments[0], "run", self.spec] + Self.demo
              + devices.flatMap { ["--device", $0] }))
      throw ExperimentsError.invalidSpec(problems + missing + [advice])
    }
  }

  /// The options that replace the model and the images of any spec.
  private static let demo = ["--model", "demo_vit", "--dataset", "demo"]

  /// The spec's own devices that this machine does not have.
  private static func missingDevices(_ source: SpecSource) -> [SpecProblem] {
    let values: [(path: String, name: String?)] =
      switch source.members["device"] {
      case .array(let values)?:
        values.enumerated().map { ("device[\($0)]", $1.asString) }
      case let value?: [("device", value.asString)]
      case nil: []
      }
    return values.compactMap { path, name in
      guard let name, Devices.all.kind(of: name)?.isAlwaysPresent != true else { return nil }
      do {
        _ = try Devices.all.open(name, threads: nil)
        return nil
      } catch {
        var message = "\(error)"
        if case ExperimentsError.noDevice(let name, let reason) = error {
          // The path already says that it is a device.
          message = "\"\(name)\": \(reason)"
        }
        return SpecProblem(source: source.origin(of: path), path: path, message: message)
      }
    }
  }

  private func overrides() throws -> [SpecSource.Override] {
    var overrides: [SpecSource.Override] = []
    func add(_ key: String, _ value: JSONValue, _ option: String) {
      overrides.append(SpecSource.Override(key: key, value: value, option: option))
    }
    if !model.isEmpty {
      add("model", Self.axis(try model.map { try Self.model($0, weights: weights) }), "--model")
    }
    if let dataset { add("dataset", try Self.dataset(dataset), "--dataset") }
    if !device.isEmpty { add("device", Self.axis(device.map(Self.device)), "--device") }
    if !batchSize.isEmpty {
      add("batch_size", Self.axis(batchSize.map { .integer($0) }), "--batch-size")
    }
    return overrides
  }

  /// A model's name or JSON object, with the weights that an option names.
  static func model(_ text: String, weights: String?) throws -> JSONValue {
    var members: [String: JSONValue]
    if text.hasPrefix("{") {
      let value = try SpecSource.value(text: text, origin: "--model")
      guard case .object(let given) = value, weights != nil else { return value }
      members = given
    } else {
      guard weights != nil else { return .string(text) }
      members = ["name": .string(text)]
    }
    members["weights"] = weights.map { .string($0) }
    return .object(members)
  }

  /// An entry of a spec's methods: JSON, or only the name of a method without required keys.
  ///
  /// - Throws: `ExperimentsError.syntax`; `.impossible` for a name that is no method, or whose
  ///   method needs a key.
  static func method(_ text: String) throws -> JSONValue {
    let isName = text.first?.isLetter == true && text.allSatisfy { $0.isLetter || $0 == "_" }
    guard isName else { return try SpecSource.value(text: text, origin: "--method") }
    func wrong(_ message: String) -> ExperimentsError {
      .impossible(subject: "--method", message: message)
    }
    guard let method = TokenReductionRegistry.method(named: text) else {
      let names = TokenReductionRegistry.all.map { $0.name }
      throw wrong(
        "\"\(text)\" is not a method; \(NearestName.advice(text, among: names, noun: "methods"))")
    }
    let needed = SpecRules.keys(of: method).filter { $0.isRequired && $0.key != "method" }.map(
      \.key)
    let lacks = method.parameters.contains { $0.name == "r" && $0.defaultValue == nil }
    guard needed.isEmpty, !lacks else {
      throw wrong("\(text) needs more than its name; write it as JSON, such as '\(method.example)'")
    }
    return .object(["method": .string(text)])
  }

  /// A single value as itself, so that messages name no position.
  private static func axis(_ values: [JSONValue]) -> JSONValue {
    values.count == 1 ? values[0] : .array(values)
  }

  private static func device(_ text: String) -> JSONValue {
    if text.hasPrefix(SimulatedDeviceName.prefix) {
      let name = SimulatedDeviceName(String(text.dropFirst(SimulatedDeviceName.prefix.count)))
      return .object([
        "simulated": .string(name.device), "execution": .string(name.execution.rawValue),
      ])
    }
    return text.hasPrefix("recorded:")
      ? .object(["recorded": .string(String(text.dropFirst("recorded:".count)))]) : .string(text)
  }

  private static func dataset(_ text: String) throws -> JSONValue {
    for kind in ["imagenet", "folder"] where text.hasPrefix(kind + ":") {
      return .object([kind: .string(String(text.dropFirst(kind.count + 1)))])
    }
    return .string(text)
  }
}

/// The results folder.
struct ResultsOptions: ParsableArguments {
  @Option(
    help: "The folder of all results; this one goes to a folder of its name in it.",
    completion: .directory)
  var results = "Results"

  func validate() throws {
    if results.isEmpty { throw ValidationError("--results names a folder, and is empty.") }
  }

  func folder(_ name: String) -> URL {
    URL(fileURLWithPath: results, isDirectory: true)
      .appendingPathComponent(name, isDirectory: true)
  }
}

extension ArgumentHelp {
  /// Of `--precision`, which several commands have.
  static let precision: ArgumentHelp = "Precision of the products (default: float32)."
  /// Of `--engine`, which several commands have.
  static let engine: ArgumentHelp =
    "What multiplies on a CPU: 'auto', 'packed' or 'blas' (default: auto)."
}
