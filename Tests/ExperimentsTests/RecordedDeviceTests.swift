import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct RecordedDeviceTests {
  private static let board = DeviceSetting(name: "cuda:0", hardware: "Example Board", threads: 0)

  private func spec(_ device: String = "board") throws -> Spec {
    try SpecReader.read(
      try SpecSource(
        text: MicroRun.spec(
          #""device": {"recorded": "\#(device)"}, "grid": {"images": 20}, "methods": [{"method": "none"}, {"method": "tail_effect", "alpha": 1, "layer": 1}]"#
        ), file: "micro.json"))
  }

  /// A staircase of the board, as `lab profile` with other timing settings would record it there.
  private func copyGrid(to store: RecordStore, _ planner: Planner) throws {
    for (tokens, milliseconds) in [(37, 9.0), (29, 9), (21, 4), (13, 4)] {
      let geometry = planner.models[0].info.tokens
      try store.append(
        .latency(
          LatencyTrial(
            model: planner.models[0].timedSetting,
            method: SearchGrid.setting(tokens: tokens, seed: 0, geometry), device: Self.board,
            precision: "float32", batchSize: 1,
            timing: TimingSetting(warmup: 9, minSeconds: 9, minSamples: 9)),
          LatencyResult(
            samplesMilliseconds: [milliseconds], rounds: [0], notes: [], peakMemoryBytes: 1,
            cost: ForwardCost(
              tokensAfterBlocks: Array(repeating: tokens, count: 6), macs: 1, parameters: 1))),
        environment: RecordSamples.environment())
    }
  }

  @Test func `r follows the copied staircase, and only accuracy is measured`() throws {
    let folder = try TemporaryFolder()
    let planner = try Planner(try spec(), site: MicroRun.site, recorded: [Self.board])
    let store = try RecordStore(folder: folder.url.appendingPathComponent("results"))
    try copyGrid(to: store, planner)
    let runner = Runner(
      planner: planner, store: store, listener: MicroRun.Listener(),
      machineLock: MachineLock(folder: folder.url), shouldStop: { false })
    let summary = try runner.run()
    // Alpha 1 selects the fastest count, and of the two with 4 ms the one with more tokens.
    let row = try #require(summary.rows.last)
    #expect(row.method.parameters["r"] == .integer(37 - 21))
    #expect(row.device == Self.board)
    #expect(try runner.plan().latency.isEmpty)
    let measuredHere = store.records.filter { $0.environment.program == Program.version }
      .compactMap { record -> String? in
        if case .accuracy(let trial, _) = record.measurement { trial.method.name } else { nil }
      }
    #expect(Set(measuredHere) == ["none", "random", "tail_effect"])
    // Trials that only the board can time are listed.
    #expect(summary.elsewhere.count == 2)
    #expect(summary.elsewhere.allSatisfy { $0.hasSuffix("(Example Board)") })
  }

  @Test func `without a copied grid the error says what to copy`() throws {
    let folder = try TemporaryFolder()
    let planner = try Planner(try spec(), site: MicroRun.site, recorded: [Self.board])
    let store = try RecordStore(folder: folder.url.appendingPathComponent("results"))
    let runner = Runner(
      planner: planner, store: store, listener: MicroRun.Listener(),
      machineLock: MachineLock(folder: folder.url), shouldStop: { false })
    #expect(
      try runner.run().unmet == [
        "custom, batch 1 on cuda:0: r cannot be chosen, since no latency grid of that device is "
          + "recorded; run `lab profile` on it and copy its .jsonl files here"
      ])
  }

  @Test func `a device without records is reported in one sentence`() throws {
    func sentence(_ device: String, _ recorded: [DeviceSetting]) throws -> String? {
      let error = #expect(throws: ExperimentsError.self) {
        try Planner(try spec(device), site: MicroRun.site, recorded: recorded)
      }
      return error?.description
    }
    #expect(
      try sentence("board", [])
        == "micro.json: device: no latency is recorded in the results folder; copy the other "
        + "machine's .jsonl files there")
    #expect(
      try sentence("orin", [Self.board])
        == "micro.json: device: \"orin\" is not recorded in the results folder; recorded are "
        + "\"Example Board\" (cuda:0, 0 threads)")
  }
}
