import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct SimulatedDeviceTests {
  private static func latencies(
    _ store: RecordStore
  ) -> [(trial: LatencyTrial, result: LatencyResult)] {
    store.records.compactMap { record in
      if case .latency(let trial, let result) = record.measurement { (trial, result) } else { nil }
    }
  }

  @Test func `a search uses predicted latencies and measured accuracy`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(
      MicroRun.spec(
        #""device": {"simulated": "jetson_tx2"}, "grid": {"images": 20, "stride": 8}, "methods": [{"method": "none"}, {"method": "tail_effect", "alpha": 1, "layer": 1}]"#
      ), in: folder)
    let summary = try run.runner.run()
    #expect(summary.failures.isEmpty)
    #expect(summary.rows.last?.method.parameters["r"] != nil)
    let found = Self.latencies(run.store)
    #expect(found.count >= 5)
    for (trial, result) in found {
      #expect(trial.device.name == "simulated:jetson_tx2")
      #expect(trial.device.simulated?.execution == "eager")
      #expect(trial.device.simulated?.precision == "float32")
      #expect(trial.device.simulated?.checkedPoints == 5)
      #expect(result.samplesMilliseconds.count == 1)
      #expect(result.predicted?.contains { $0.name == "fc1" && $0.waves != nil } == true)
    }
    #expect(!MicroRun.predictions(run.store).isEmpty)
    // Nothing is predicted twice.
    #expect(try run.runner.run().measured == summary.measured)
  }

  @Test func `predicted and measured latencies of a spec are different trials`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(
      MicroRun.spec(
        #""device": ["cpu", {"simulated": "a100_80gb", "execution": "graph"}], "methods": [{"method": "none"}]"#
      ), in: folder)
    #expect(try run.runner.run().failures.isEmpty)
    let found = Self.latencies(run.store)
    #expect(found.count { $0.trial.device.simulated == nil } == 1)
    let predicted = try #require(found.first { $0.trial.device.simulated != nil })
    #expect(predicted.trial.device.simulated?.execution == "graph")
    #expect(predicted.trial.device.simulated?.precision == "tf32")
    #expect(predicted.trial.device.hardware == "simulated NVIDIA A100 80 GB PCIe")
  }

  @Test(arguments: [
    (
      #"{"simulated": "tx3"}"#,
      "micro.json: device: simulated device \"tx3\": there is none of this name; there are "
        + "jetson_tx2, agx_orin_32gb, a100_80gb, v100_16gb, rtx_3090, rtx_4090, and a JSON file of "
        + "your own by its path"
    ),
    (
      #"{"simulated": "jetson_tx2", "precision": "bfloat16"}"#,
      "micro.json: device: simulated device \"jetson_tx2\": has no bfloat16; it computes in "
        + "float32, float16"
    ),
    (
      #"{"simulated": "/nowhere/board.json"}"#,
      "micro.json: device: /nowhere/board.json: cannot be read: no such file or directory"
    ),
  ])
  func `an unsupported simulation is reported in one sentence`(
    _ device: String, _ sentence: String
  ) throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ExperimentsError.self) {
      try MicroRun(
        MicroRun.spec("\"device\": \(device), \"methods\": [{\"method\": \"none\"}]"), in: folder)
    }
    #expect(error?.description == sentence)
  }
}
