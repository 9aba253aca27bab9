import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct SearchTests {
  private let spec = MicroRun.spec(
    #""grid": {"stride": 9, "start": 10, "images": 20, "min_seconds": 0, "min_samples": 3}, "methods": [{"method": "none"}, {"method": "tail_effect", "alpha": [0, 1], "layer": [1, 3]}]"#
  )

  @Test func `R is chosen from the grids, recorded as a count, and timed beside the baseline`()
    throws
  {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec, in: folder)
    let before = try run.runner.plan()
    #expect(before.pending.map(\.choices.count) == [4])
    #expect(before.latency.map(\.isGrid) == [true])
    #expect(before.latency[0].methods.compactMap { $0.parameters["r"]?.asInt } == [0, 9, 18, 27])
    // The baseline waits, so that it is interleaved with the methods whose R is still open.
    #expect(before.waiting.map { $0.methods.map(\.name) } == [["none"]])

    let summary = try run.runner.run()
    #expect(summary.pending.isEmpty)
    #expect(summary.rows.map(\.origin) == [nil, "α=0", "α=0", "α=1", "α=1"])
    let after = try run.runner.plan()
    #expect(after.waiting.isEmpty)

    // The choice is the utility's, from what was recorded.
    var latency: [Int: Double] = [:]
    var accuracy: [Int: Double] = [:]
    let reader = GridReader(result: run.store.result, givenUp: [])
    for tokens in [37, 28, 19, 10] {
      let work = after.latency[0]
      if case .value(let value) = reader.latency(
        work.trial(SearchGrid.method(tokens: tokens, seed: 0, work.model.architecture.geometry)))
      {
        latency[tokens] = value
      }
      let judged = SearchGrid.accuracyMethod(
        tokens: tokens, seed: 0, work.model.architecture.geometry)
      if case .value(let value) = reader.accuracy([after.accuracy[0].trial(judged, 0..<20)]) {
        accuracy[tokens] = value
      }
    }
    #expect(latency.count == 4 && accuracy.count == 4)
    let utility = TailEffectUtility(latencyByTokens: latency, accuracyByTokens: accuracy)
    for (row, alpha) in zip(summary.rows.dropFirst(), [0.0, 0, 1, 1]) {
      #expect(row.method.parameters["r"]?.asInt == utility.bestTokens(alpha: alpha).map { 37 - $0 })
      #expect(row.method.parameters["alpha"] == nil)
    }
  }

  @Test func `another alpha or layer measures no grid again`() throws {
    let folder = try TemporaryFolder()
    _ = try MicroRun(spec, in: folder).runner.run()
    let other = spec.replacing(
      #""alpha": [0, 1], "layer": [1, 3]"#, with: #""alpha": 0.5, "layer": 2"#)
    let run = try MicroRun(other, in: folder, process: 2)
    #expect(try run.runner.plan().pending.isEmpty)
    // One accuracy and one latency at most: R may be 0, and then it is still a trial of its own.
    #expect(try run.runner.run().measured == 2)
  }

  @Test func `a grid that is left out leaves the row open and the baseline measured`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec, in: folder, only: "*, none,*")
    let summary = try run.runner.run()
    #expect(summary.measured == 2)
    #expect(summary.pending.map(\.choices.count) == [4])
    #expect(summary.rows.count == 1)
  }
}
