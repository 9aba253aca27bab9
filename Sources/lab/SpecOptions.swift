import ArgumentParser
import Experiments
import Foundation
import Records

/// A spec and what the command line changes in it.
struct SpecOptions: ParsableArguments {
  @Argument(help: "The spec, a JSON file.", completion: .file(extensions: ["json"]))
  var spec: String

  @Option(help: "Another model, by its name.")
  var model: [String] = []

  @Option(help: "Weights of --model: a safetensors file, or 'random'.", completion: .file())
  var weights: String?

  @Option(help: "Another data set: 'demo', 'imagenet:DIR' or 'folder:DIR'.")
  var dataset: String?

  @Option(help: "Another device: 'cpu', 'cuda' or 'cuda:N'.")
  var device: [String] = []

  @Option(help: "Other batch sizes.")
  var batchSize: [Int] = []

  @Option(help: "At most so many images for every accuracy, that of the grids included.")
  var limit: Int?

  func validate() throws {
    if weights != nil, model.count != 1 {
      throw ValidationError("--weights goes with one --model, whose weights they are.")
    }
    if let limit, limit < 1 { throw ValidationError("--limit must be from 1.") }
  }

  /// The spec with the options in place.
  ///
  /// Errors: `ExperimentsError` with everything that is wrong.
  func read() throws -> Spec {
    var spec = try SpecReader.read(SpecSource(file: spec, overrides: try overrides()))
    if let limit {
      spec.accuracy.images = min(spec.accuracy.images ?? limit, limit)
      spec.grid.images = min(spec.grid.images, limit)
    }
    return spec
  }

  private func overrides() throws -> [SpecSource.Override] {
    var overrides: [SpecSource.Override] = []
    func add(_ key: String, _ value: JSONValue, _ option: String) {
      overrides.append(SpecSource.Override(key: key, value: value, option: option))
    }
    if let weights, let name = model.first {
      add("model", .object(["name": .string(name), "weights": .string(weights)]), "--model")
    } else if !model.isEmpty {
      add("model", Self.axis(model.map { .string($0) }), "--model")
    }
    if let dataset { add("dataset", try Self.dataset(dataset), "--dataset") }
    if !device.isEmpty { add("device", Self.axis(device.map { .string($0) }), "--device") }
    if !batchSize.isEmpty {
      add("batch_size", Self.axis(batchSize.map { .integer($0) }), "--batch-size")
    }
    return overrides
  }

  /// A single value as itself, so that messages name no position.
  private static func axis(_ values: [JSONValue]) -> JSONValue {
    values.count == 1 ? values[0] : .array(values)
  }

  private static func dataset(_ text: String) throws -> JSONValue {
    for kind in ["imagenet", "folder"] where text.hasPrefix(kind + ":") {
      return .object([kind: .string(String(text.dropFirst(kind.count + 1)))])
    }
    return .string(text)
  }
}

/// Where results go.
struct ResultsOptions: ParsableArguments {
  @Option(help: "The results folder (default: Results/NAME).", completion: .directory)
  var results: String?

  func folder(_ name: String) -> URL {
    URL(fileURLWithPath: results ?? "Results/\(name)", isDirectory: true)
  }
}
