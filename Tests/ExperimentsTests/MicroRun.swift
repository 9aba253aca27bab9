import CPUBackend
import CUDABackend
import Foundation
import Measurement
import Records
import Tensors
import _TestSupport

@testable import Experiments

/// Runs small specs of a micro model with the real components, in a folder of their own.
struct MicroRun {
  /// Records all messages of a run.
  final class Listener: ProgressListener {
    var notes: [String] = []
    var progress: [RunProgress] = []
    func note(_ text: String) { notes.append(text) }
    func advanced(_ progress: RunProgress) { self.progress.append(progress) }
  }

  static let weights = Fixtures.url("goldens/weights/vit_micro.safetensors").path

  /// A spec of the micro model on the demo data set; `rest` contains its other keys.
  static func spec(_ rest: String, weights: String = weights) -> String {
    """
    {"name": "micro", "model": {"weights": "\(weights)", "architecture": {"image_size": 96,
    "embed_dim": 64, "depth": 6, "num_heads": 4, "num_classes": 10}},
    "threads": 1, "latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1},
    "accuracy": {"images": 20, "batch_size": 8}, \(rest)}
    """
  }

  /// The program's kinds of device, all of which open the CPU.
  static let devices: DeviceKinds = {
    var cuda = DeviceKind.cuda
    cuda.open = DeviceKind.cpu.open
    return DeviceKinds([.cpu, cuda])
  }()

  static let site = Site(
    devices: devices,
    demoWeights: { Fixtures.url("goldens/weights/vit_micro.safetensors") })

  let planner: Planner
  let store: RecordStore
  let runner: Runner
  let listener = Listener()

  init(
    _ spec: String, in folder: TemporaryFolder, only: String? = nil, share: Share? = nil,
    process: Int32 = 1, counters: any CounterSource = NoCounters(), site: Site = Self.site,
    shouldStop: @escaping () -> Bool = { false }
  ) throws {
    planner = try Planner(
      try SpecReader.read(
        try SpecSource(text: spec, file: "micro.json"), devices: site.devices), site: site)
    let results = folder.url.appendingPathComponent("results")
    store = try RecordStore(folder: results, host: "h", process: process)
    runner = Runner(
      planner: planner, store: store, only: only, share: share, listener: listener,
      machineLock: MachineLock(folder: folder.url), counters: counters, shouldStop: shouldStop)
  }

  /// The predictions of a store's records by key, without what depends on time.
  static func predictions(_ store: RecordStore) -> [String: AccuracyResult] {
    var predictions: [String: AccuracyResult] = [:]
    for record in store.records {
      guard case .accuracy(_, var result) = record.measurement else { continue }
      result.imagesPerSecond = 0
      predictions[record.key] = result
    }
    return predictions
  }

  /// The number of lines of each key in the folder's files.
  static func lines(in folder: TemporaryFolder) throws -> [String: Int] {
    let results = folder.url.appendingPathComponent("results")
    var counts: [String: Int] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: results.path)
    where name.hasSuffix(".jsonl") {
      let text = try String(contentsOf: results.appendingPathComponent(name), encoding: .utf8)
      for line in text.split(separator: "\n") {
        let record = try JSONDecoder().decode(Record.self, from: Data(line.utf8))
        counts[record.key, default: 0] += 1
      }
    }
    return counts
  }
}

extension SpecReader {
  /// The spec of `source` with the tests' devices.
  static func read(_ source: SpecSource) throws -> Spec {
    try read(source, devices: MicroRun.devices)
  }

  /// The same, after checking every file that it names.
  static func readWithFiles(_ source: SpecSource) throws -> Spec {
    try readWithFiles(source, devices: MicroRun.devices)
  }
}
