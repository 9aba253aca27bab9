import ArgumentParser
import Experiments
import Foundation
import Records
import Tensors

/// `lab profile`.
struct ProfileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Measures latency against the number of tokens, or where the time of a pass goes.",
    discussion: """
      Examples:
        lab profile --model deit_small_patch16_224 --stride 4
        lab profile --model vit_base_patch16_224 --device cpu --batch-size 1 --batch-size 8
        lab profile --ops --model deit_small_patch16_224 --method '{"method": "tail_effect", "r": 98}'
        lab profile --ops --model swin_tiny_patch4_window7_224 --record operations

      No trained weights are needed. The records are those of a run's latency grid: copy them into its results \
      folder, and the tail-effect search uses them. With --ops one forward pass is taken apart into kinds of \
      operation, with the time, arithmetic and memory traffic of each; --record NAME adds it to those of a results \
      folder, whose page draws them side by side.
      """)

  @Option(help: "The model's name, or a JSON object as in a spec.")
  var model = "demo_vit"

  @Option(help: "Where to measure: \(Devices.all.expectation).")
  var device = [Devices.all.standard.name]

  @Option(help: "Images of a batch.")
  var batchSize: [Int] = [1]

  @Option(help: "Tokens between two points.")
  var stride = 8

  @Option(help: "The smallest token count, prefix tokens included (default: a quarter of all).")
  var start: Int?

  @Option(help: "The largest token count (default: all).")
  var stop: Int?

  @Option(help: "Timed seconds of each point.")
  var minSeconds = 0.25

  @Option(help: "Timings of each point.")
  var minSamples = 15

  @Option(help: "Worker threads on a CPU (default: one for each core).")
  var threads: Int?

  @Option(help: .precision)
  var precision: [String] = []

  @Option(help: .engine)
  var engine: [String] = []

  @Flag(help: "Print the time of each kind of operation of one forward pass instead.")
  var ops = false

  @Option(help: "With --ops: an entry of a spec's methods, as JSON.")
  var method: String?

  @Option(help: "With --ops: the results folder whose report compares this pass with others.")
  var record: String?

  @OptionGroup var results: ResultsOptions

  @Flag(help: "Print every trial and measure nothing.")
  var dryRun = false

  @Flag(help: "Measure everything anew; earlier records are moved aside, to 'earlier'.")
  var fresh = false

  func validate() throws {
    if method != nil, !ops {
      throw ValidationError("--method goes with --ops; the staircase removes tokens at random.")
    }
    if record != nil, !ops {
      throw ValidationError("--record goes with --ops; the staircase is recorded anyway.")
    }
    if let record, record.isEmpty || record.contains("/") || record.hasPrefix(".") {
      throw ValidationError("--record names a folder in --results, such as operations.")
    }
    let isSweep = [device.count, batchSize.count, precision.count, engine.count].contains { $0 > 1 }
    if ops, isSweep || dryRun || fresh {
      throw ValidationError(
        "--ops takes one --device, --batch-size, --precision and --engine, and records no latency.")
    }
  }

  func run() async throws {
    if ops {
      let profile = try OperationProfile(
        try spec(), minSeconds: max(minSeconds, 1), minSamples: minSamples)
      print(profile.text)
      if let record {
        let folder = results.folder(record)
        try OperationsFile.add(profile.breakdown, to: folder)
        print("")
        try Rendering.write(
          records: try RecordsFolder.read(folder).records, rows: RowsFile.read(folder),
          name: record, folder: folder)
      }
      return
    }
    let session = try Session(
      try spec().profiling(), folder: results, fresh: fresh, writes: !dryRun)
    if dryRun {
      try session.printPlan(only: nil)
    } else {
      try session.run(only: nil, again: CommandLine.arguments)
    }
  }

  /// The command line as a spec, so that it is checked in the same way.
  private func spec() throws -> Spec {
    var overrides: [SpecSource.Override] = []
    func add(_ key: String, _ value: JSONValue, _ option: String) {
      overrides.append(SpecSource.Override(key: key, value: value, option: option))
    }
    func axis(_ values: [JSONValue]) -> JSONValue {
      values.count == 1 ? values[0] : .array(values)
    }
    let value = try SpecOptions.model(model, weights: "random")
    var name = "custom"
    if case .object(let members) = value, let given = members["name"]?.asString { name = given }
    add("name", .string("profile-\(name)"), "--model")
    add("model", value, "--model")
    add("device", axis(device.map { .string($0) }), "--device")
    add("batch_size", axis(batchSize.map { .integer($0) }), "--batch-size")
    if !precision.isEmpty {
      add("precision", axis(precision.map { .string($0) }), "--precision")
    }
    if !engine.isEmpty { add("engine", axis(engine.map { .string($0) }), "--engine") }
    if let threads { add("threads", .integer(threads), "--threads") }
    var grid: [String: JSONValue] = ["stride": .integer(stride)]
    grid["start"] = start.map { .integer($0) }
    grid["stop"] = stop.map { .integer($0) }
    grid["min_seconds"] = .number(minSeconds)
    grid["min_samples"] = .integer(minSamples)
    add("grid", .object(grid), "--stride, --start, --stop, --min-seconds or --min-samples")
    add("accuracy", .boolean(false), "")
    let entry = try method.map { try SpecOptions.method($0) }
    add("methods", .array([entry ?? .object(["method": .string("none")])]), "--method")
    return try SpecReader.read(
      SpecSource(text: "{}", file: "the command line", overrides: overrides), devices: Devices.all)
  }
}
