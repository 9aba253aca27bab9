import ArgumentParser
import Experiments
import Foundation
import Hub
import Records
import Tensors

/// A model, a method and a device on the command line.
struct PredictOptions: ParsableArguments {
  @Option(help: "The model's name, hf:OWNER/NAME, a folder, or a JSON object as in a spec.")
  var model = "demo_vit"

  @Option(help: "A file of weights, 'random', or 'demo'.", completion: .file())
  var weights: String?

  @Option(help: "An entry of a spec's methods, as JSON, or a method's name.")
  var method: String?

  @Flag(help: "Never use the network; models of the Hub must be in the cache.")
  var offline = false

  @Option(help: "Where to run: \(Devices.all.expectation).")
  var device = Devices.all.standard.name

  @Option(help: .precision)
  var precision: String?

  @Option(help: .engine)
  var engine: String?

  /// The command line as a spec, so that it is checked in the same way.
  ///
  /// - Parameter standard: The default method.
  func spec(standard: String = "none") throws -> Spec {
    func override(_ key: String, _ value: JSONValue, _ option: String) -> SpecSource.Override {
      SpecSource.Override(key: key, value: value, option: option)
    }
    let method = try SpecOptions.method(method ?? standard)
    let model = try SpecOptions.model(model, weights: weights)
    var overrides = [
      override("model", model, "--model"),
      override("methods", .array([method]), "--method"),
      override("device", .string(device), "--device"),
    ]
    if let precision {
      overrides.append(override("precision", .string(precision), "--precision"))
    }
    if let engine { overrides.append(override("engine", .string(engine), "--engine")) }
    let spec = try SpecReader.readWithFiles(
      SpecSource(
        text: "{\"accuracy\": false}", file: "the command line", overrides: overrides),
      devices: Devices.all, finder: ModelFinder(hub: .here(isOffline: offline)))
    guard spec.methods.count == 1 else {
      throw ExperimentsError.impossible(
        subject: "--method",
        message:
          "one method is needed, and this has \(spec.methods.count) settings; give one value "
          + "for each key")
    }
    guard spec.models[0].isTrained || namesWeights(model) else {
      throw ExperimentsError.impossible(
        subject: "--weights",
        message: "\(spec.models[0].name) brings no weights; name a file of weights, or 'random' "
          + "to compare numbers that mean nothing")
    }
    return spec
  }

  private func namesWeights(_ model: JSONValue) -> Bool {
    guard case .object(let members) = model else { return false }
    return members["weights"] != nil
  }
}
