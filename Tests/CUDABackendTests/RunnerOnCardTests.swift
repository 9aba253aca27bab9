import CPUBackend
import Experiments
import Files
import Foundation
import Records
import Tensors
import Testing
import VisionModels
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// Whole runs with a fake card: what is recorded, and what a failure costs.
  @Suite(.serialized) struct RunnerOnCard {
    init() { FakeMachine.reset() }

    private final class Silent: ProgressListener {
      var notes: [String] = []
      func note(_ text: String) { notes.append(text) }
      func advanced(_ progress: RunProgress) {}
    }

    private static func spec(_ rest: String) -> String {
      """
      {"name": "micro", "model": {"weights": "random", "architecture": {"image_size": 32,
      "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2, "num_classes": 10}},
      "threads": 1, "accuracy": false, \(rest),
      "methods": [{"method": "none"}, {"method": "topk", "r": 2}]}
      """
    }

    /// Runs a spec in a folder of its own.
    private func run(
      _ rest: String, missing: Set<CUDALibraryKind> = [], before: (Planner) -> Void = { _ in }
    ) throws -> (summary: RunSummary, records: [Record]) {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "lab-run-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      var cards = DeviceKind.cuda
      cards.open = { device, _ in
        try CUDABackend(
          device: device, libraries: try FakeMachine.libraries(missing: missing),
          cache: CacheFolder(nil))
      }
      let site = Site(devices: DeviceKinds([.cpu, cards]), demoWeights: { folder })
      let spec = try SpecReader.read(
        try SpecSource(text: Self.spec(rest), file: "micro.json"), devices: site.devices)
      let planner = try Planner(spec, site: site)
      before(planner)
      let store = try RecordStore(
        folder: folder.appendingPathComponent("results"), host: "h", process: 1)
      let runner = Runner(
        planner: planner, store: store, listener: Silent(),
        machineLock: MachineLock(folder: folder), shouldStop: { false })
      let summary = try runner.run()
      return (summary, store.records)
    }

    private func latencies(
      _ records: [Record], on device: String
    ) -> [(LatencyTrial, LatencyResult, Environment)] {
      records.compactMap {
        guard case .latency(let trial, let result) = $0.measurement, trial.device.name == device
        else { return nil }
        return (trial, result, $0.environment)
      }
    }

    @Test func `latency is the card's own clock, and records say which driver and precision`()
      throws
    {
      let (summary, records) = try run(
        #"""
        "device": "cuda", "precision": ["float32", "float16"],
        "latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1, "l2": "cold"}
        """#)
      #expect(summary.failures.isEmpty)
      let found = latencies(records, on: "cuda")
      // Both baselines and a method that reads attention, in two precisions.
      #expect(found.count == 6)
      #expect(Set(found.map(\.0.precision)) == ["float32", "float16"])
      for (trial, result, environment) in found {
        #expect(trial.timing.l2 == .cold)
        #expect(trial.device.hardware == "Fake card 0" && trial.device.threads == 0)
        #expect(environment.driver == "CUDA 13.0")
        #expect(environment.blas.hasPrefix("cuBLASLt 13.4.0, NVRTC 13.0 for sm_90"))
        #expect(result.samplesMilliseconds.count >= 3)
        // Weights, activations, scratch and workspace of the card, not memory of the process.
        #expect(result.peakMemoryBytes > 8 << 20 && result.peakMemoryBytes < 100 << 20)
      }
      #expect(FakeMachine.alive == [:])
    }

    @Test func `baselines say how their kernels were spread over the card`() throws {
      let (_, records) = try run(
        #"""
        "device": "cuda", "batch_size": [1, 4], "precision": "float16",
        "latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1}
        """#)
      var attention: [Int: KernelLaunch] = [:]
      for (trial, result, _) in latencies(records, on: "cuda") {
        guard trial.method.name == "none" else {
          if trial.method.name == "topk" { #expect(result.kernels == nil) }
          continue
        }
        let kernels = try #require(result.kernels)
        // One of each block of the model.
        let own = try #require(kernels.first { $0.work == "attention" })
        #expect(own.count == 2 && own.kernel.hasPrefix("attention_mma_d32"))
        #expect((own.waves ?? 0) >= 1)
        attention[trial.batchSize] = own
        let layers = kernels.filter { $0.work.contains("96x32") || $0.work.contains("128x32") }
        #expect(!layers.isEmpty, "\(kernels.map(\.work))")
        #expect(kernels.contains { $0.kernel.hasPrefix("library ") && $0.blocks == nil })
        #expect(kernels.allSatisfy { $0.blocks == nil || $0.resident ?? 0 > 0 })
      }
      let (one, four) = (try #require(attention[1]), try #require(attention[4]))
      #expect((four.blocks ?? 0) > (one.blocks ?? 0))
    }

    @Test func `without a driver the processor's trials run and the card's are reported`() throws {
      let (summary, records) = try run(
        #""device": ["cpu", "cuda"], "latency": {"min_seconds": 0, "min_samples": 3}"#,
        missing: [.driver])
      #expect(latencies(records, on: "cpu").count == 3)
      #expect(summary.failures.count == 1)
      #expect(summary.failures[0].label == "every trial on cuda")
      #expect(summary.failures[0].message.contains("CUDA driver is missing"))
    }

    @Test func `a plan for a card alone says at once why it cannot be`() {
      let message = FakeMachine.message {
        _ = try run(
          #""device": "cuda:1", "latency": {"min_seconds": 0, "min_samples": 3}"#)
      }
      #expect(message.contains("there is no cuda:1; found is cuda:0 (Fake card 0)"))
    }

    @Test func `a card that is lost keeps what was recorded, and the processor goes on`() throws {
      let (summary, records) = try run(
        #"""
        "device": ["cuda", "cpu"], "batch_size": [1, 2],
        "latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1}
        """#
      ) { _ in
        // Somewhere in the second batch size.
        FakeMachine.behavior.losing_launch = 1500
      }
      let card = latencies(records, on: "cuda")
      #expect(!card.isEmpty && card.count < 6)
      #expect(latencies(records, on: "cpu").count == 6)
      #expect(summary.failures.count == 6 - card.count)
      #expect(summary.failures.allSatisfy { $0.message.contains("CUDA_ERROR_LAUNCH_FAILED") })
      let failed = records.filter {
        if case .failedLatency = $0.measurement { true } else { false }
      }
      #expect(failed.count == 6 - card.count)
    }
  }
}
