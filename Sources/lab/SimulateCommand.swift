import ArgumentParser
import Experiments
import Foundation
import SimulatedDevices
import Tensors
import VisionModels

/// `lab simulate`.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Predicts the staircase of a device that is not here, with what makes its steps.",
    discussion: """
      Examples:
        lab simulate jetson_tx2 --model deit_base_patch16_224 --batch-size 2
        lab simulate agx_orin_32gb:graph --model vit_giant_patch14_dinov2 --precision float16
        lab simulate cpu --calibrate Results/profile-deit_small_patch16_224 --output my_cpu.json
        lab simulate --calibrate Benchmarks/published_latencies.json

      Nothing here is measured: every number is predicted, from the operations of the pass and from what \
      documents say of the device. 'lab devices' lists the devices and how far predictions have been off.
      --calibrate fits a device's constants to the latencies of a results folder and says the error by \
      cross-validation, or to published latencies and says the error at those held out.
      """)

  @Argument(help: "The device: a name of `lab devices`, a JSON file, or 'cpu' with --calibrate.")
  var device: String?

  @Option(help: "The model's name.")
  var model = "deit_small_patch16_224"

  @Option(help: "Images of a batch.")
  var batchSize = 1

  @Option(help: "Of weights and activations (default: the device's own).")
  var precision: String?

  @Option(help: "Tokens between two points.")
  var stride = 1

  @Option(
    help:
      "A results folder (repeatable), or a JSON file of published latencies, to fit constants to.",
    completion: .file())
  var calibrate: [String] = []

  @Option(help: "With --calibrate: where to write the fitted device.", completion: .file())
  var output: String?

  @Flag(help: "Print the JSON Schema of a device file.")
  var schema = false

  func validate() throws {
    guard (1...65_536).contains(batchSize) else {
      throw ValidationError("--batch-size must be from 1 to 65536.")
    }
    guard (1...1024).contains(stride) else {
      throw ValidationError("--stride must be from 1 to 1024.")
    }
    if output != nil, calibrate.isEmpty || device == nil {
      throw ValidationError("--output goes with a device and --calibrate.")
    }
    if device == nil, calibrate.isEmpty, !schema {
      throw ValidationError("name a device of `lab devices`, such as jetson_tx2.")
    }
    if calibrate.count > 1, calibrate.contains(where: CalibrationReport.isPublished) {
      throw ValidationError("--calibrate takes one JSON file, or one results folder or more.")
    }
  }

  func run() throws {
    if schema { return print(try DeviceFile.schemaText) }
    if !calibrate.isEmpty {
      return try CalibrationReport(sources: calibrate, device: device, output: output).run()
    }
    guard let device else { return }
    let text = try SimulatedStaircaseText(
      name: SimulatedDeviceName(device), model: model, batchSize: batchSize,
      precision: precision, stride: stride)
    print(text.lines.joined(separator: "\n"))
  }
}

/// The staircase of a simulated device as text.
struct SimulatedStaircaseText {
  let model: CostModel
  let entry: ModelEntry
  let batchSize: Int
  let staircase: SimulatedStaircase
  /// The maximum number of listed points; all steps are listed.
  private static let maxPoints = 24

  /// - Throws: `SimulatedDevicesError`, or `ExperimentsError.impossible` for an unknown model.
  init(
    name: SimulatedDeviceName, model modelName: String, batchSize: Int, precision: String?,
    stride: Int
  ) throws {
    let description = try DeviceCatalog.device(name.device)
    let known = precision.map(Precision.init(rawValue:))
    if let precision, known == .some(.none) {
      throw SimulatedDevicesError.precisionUnavailable(
        precision: precision, device: description.name,
        has: description.peakTeraflops.keys.map(\.rawValue).sorted())
    }
    guard let entry = ModelRegistry.entry(named: modelName) else {
      throw ExperimentsError.impossible(
        subject: "--model",
        message: "\"\(modelName)\" is not a model; "
          + NearestName.advice(modelName, among: ModelRegistry.all.map(\.name), noun: "models"))
    }
    model = try CostModel(
      device: description, precision: known ?? nil, execution: name.execution)
    self.entry = entry
    self.batchSize = batchSize
    staircase = try model.staircase(entry, batchSize: batchSize, stride: stride)
  }

  var lines: [String] {
    let place =
      "\(entry.displayName) on a simulated \(model.device.title), batch \(batchSize), "
      + "\(model.precision.rawValue), \(model.execution.rawValue) execution"
    return [place + ": predicted, not measured"] + [checkedLine, ""] + points + [""] + steps
  }

  private var checkedLine: String {
    model.device.errorSentence
  }

  private var points: [String] {
    let all = Array(staircase.points.reversed())
    let step = max(1, (all.count + Self.maxPoints - 1) / Self.maxPoints)
    let highest = all.map(\.milliseconds).max() ?? 1
    return ["tokens      ms"]
      + all.enumerated().filter { $0.offset % step == 0 }.map { _, point in
        let bar = String(repeating: "█", count: Int((40 * point.milliseconds / highest).rounded()))
        return
          "\(Self.padded("\(point.tokens)", 6))  \(Self.padded(Self.text(point.milliseconds), 8))  \(bar)"
      }
  }

  private var steps: [String] {
    guard !staircase.edges.isEmpty else {
      return ["no step of 1 % or more: latency falls evenly with the tokens"]
    }
    let full = entry.info.tokens.tokens
    let title = "steps, from most tokens (one token more takes at least 1 % longer):"
    let lines = staircase.edges.reversed().map { edge in
      let change = (edge.rise >= 0 ? "+" : "−") + Self.text(abs(edge.rise))
      return
        "  \(Self.padded("\(edge.tokens)", 4)) tokens (R = \(full - edge.tokens)): "
        + "\(change) ms at \(edge.tokens + 1): \(edge.causes.joined(separator: ", "))"
    }
    let tokens = staircase.tokensBelowSteps.map { "\($0)" }.joined(separator: ", ")
    return [title] + lines + ["", "token counts worth trying: \(tokens)"]
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func text(_ milliseconds: Double) -> String {
    String(format: milliseconds >= 100 ? "%.1f" : milliseconds >= 1 ? "%.2f" : "%.3f", milliseconds)
  }
}

extension DeviceDescription {
  /// The error of earlier predictions, in a sentence.
  var errorSentence: String {
    guard let checked else { return "its constants were never checked against a latency" }
    guard checked.points > 1 else {
      return "off by \(checked.worstPercent) % at the one latency that its fit did not see"
    }
    return
      "off by \(checked.medianPercent) % in the median and \(checked.worstPercent) % at worst "
      + "at \(checked.points) latencies that its fit did not see"
  }
}
