import Foundation
import Measurement
import Records
import Testing

@testable import Experiments

@Suite struct SearchTests {
  private let spec = MicroRun.spec(
    #""grid": {"stride": 9, "start": 10, "images": 20, "min_seconds": 0, "min_samples": 3}, "methods": [{"method": "none"}, {"method": "tail_effect", "alpha": [0, 1], "layer": [1, 3]}]"#
  )

  @Test
  func `R is chosen from the grids, recorded as a count, and timed together with the baseline`()
    throws
  {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec, in: folder)
    let before = try run.runner.plan()
    #expect(before.pending.map(\.choices.count) == [4])
    #expect(before.latency.map(\.purpose) == [.grid])
    #expect(
      before.latency[0].trials.compactMap { $0.trial.method.parameters["r"]?.asInt } == [
        0, 9, 18, 27,
      ])
    // The baseline waits, so that it is interleaved with the methods whose R is still open.
    #expect(
      before.waiting.map { $0.trials.map(\.trial.method.name) } == [["none", "none_explicit"]])

    let summary = try run.runner.run()
    #expect(summary.pending.isEmpty)
    #expect(summary.rows.map(\.reason?.alpha) == [nil, nil, 0, 0, 1, 1])
    let after = try run.runner.plan()
    #expect(after.waiting.isEmpty)

    // The choice is that of the utility, computed from the records.
    var latency: [Int: Double] = [:]
    var accuracy: [Int: Double] = [:]
    let reader = GridReader(result: run.store.result, givenUp: [])
    for tokens in [37, 28, 19, 10] {
      let work = after.latency[0]
      let timed = try SearchGrid.method(tokens: tokens, seed: 0, work.model)
      let trial = try #require(work.trials.first { $0.method == timed })
      if case .value(let value) = reader.latency(trial) { latency[tokens] = value }
      let judged = try SearchGrid.accuracyMethod(tokens: tokens, seed: 0, work.model)
      let shards = try #require(after.accuracy[0].methods.first { $0.method == judged })
      if case .value(let value) = reader.accuracy(shards.trials) {
        accuracy[tokens] = value
      }
    }
    #expect(latency.count == 4 && accuracy.count == 4)
    let utility = TailEffectUtility(latencyByTokens: latency, accuracyByTokens: accuracy)
    try #require(summary.rows.count == 6)
    for (row, alpha) in zip(summary.rows.dropFirst(2), [0.0, 0, 1, 1]) {
      #expect(row.method.parameters["r"]?.asInt == utility.bestTokens(alpha: alpha).map { 37 - $0 })
      #expect(row.method.parameters["alpha"] == nil)
    }
  }

  @Test func `the images of a report show the methods of its rows, not of a search`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(
      MicroRun.spec(
        #""grid": {"stride": 9, "start": 10, "images": 10, "min_seconds": 0, "min_samples": 3}, "methods": [{"method": "none"}, {"method": "random", "r": 9}, {"method": "tome", "r": 3}, {"method": "tail_effect", "alpha": 1, "layer": 1}]"#
      ), in: folder)
    _ = try run.runner.run()
    let traces = try run.planner.sampleTraces(of: try run.runner.plan())
    #expect(traces.map { $0.methods.map(\.method.name) } == [["random", "tome", "tail_effect"]])
    #expect(traces.allSatisfy { $0.methods.allSatisfy { $0.fates.count == 3 } })
  }

  @Test func `any method's R is chosen from the same grids, at one block or at several`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(
      MicroRun.spec(
        #""grid": {"stride": 9, "start": 10, "images": 20, "min_seconds": 0, "min_samples": 3}, "methods": [{"method": "none"}, {"method": "tail_effect", "alpha": 1, "layer": 1}, {"method": "topk", "alpha": 1, "layer": 1}, {"method": "tome", "alpha": 1}, {"method": "pitome", "alpha": [0, 1], "layers": [1, 3]}, {"method": "evit", "alpha": 1}]"#
      ), in: folder)
    let summary = try run.runner.run()
    #expect(summary.pending.isEmpty)
    // The second baseline follows the first, because `tail_effect` reads attention.
    #expect(summary.rows.map(\.reason?.alpha) == [nil, nil, 1, 1, 1, 0, 1, 1])
    try #require(summary.rows.count == 8)
    let parameters = summary.rows.dropFirst().map(\.method.parameters)
    #expect(parameters[1]["r"] == parameters[2]["r"])
    #expect(parameters[2]["schedule"] == .string("single"))
    #expect(parameters[2]["layer"] == .integer(1))
    // ToMe can pair at most half of the patch tokens.
    #expect(try #require(parameters[3]["r"]?.asInt) <= 18)
    #expect(parameters[6]["schedule"] == .string("single"))
    for row in parameters[4...5] {
      // The total R, or explicit counts that are better than an even division.
      #expect((row["tokens"] == nil) != (row["schedule"] == nil))
      #expect(row["alpha"] == nil)
    }
  }

  @Test func `another alpha or layer reuses the grids`() throws {
    let folder = try TemporaryFolder()
    _ = try MicroRun(spec, in: folder).runner.run()
    let other = spec.replacing(
      #""alpha": [0, 1], "layer": [1, 3]"#, with: #""alpha": 0.5, "layer": 2"#)
    let run = try MicroRun(other, in: folder, process: 2)
    #expect(try run.runner.plan().pending.isEmpty)
    // At most one accuracy and one latency: R may be 0, which is still a separate trial.
    #expect(try run.runner.run().measured == 2)
  }

  @Test func `without a grid, the row stays open and the baseline is measured`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec, in: folder, only: "*, none,*")
    let summary = try run.runner.run()
    #expect(summary.measured == 2)
    #expect(summary.pending.map(\.choices.count) == [4])
    #expect(summary.rows.map(\.method.name) == ["none", "none_explicit"])
  }

  private func targets(_ entries: String) -> String {
    MicroRun.spec(
      #""grid": {"stride": 9, "start": 10, "images": 20, "min_seconds": 0, "min_samples": 3}, "methods": [\#(entries)]"#
    )
  }

  /// Median latency and accuracy of every setting that a target tried, from the records.
  private func tried(_ run: MicroRun) throws -> [MethodSetting: (latency: Double, accuracy: Double)]
  {
    let reader = GridReader(result: run.store.result, givenUp: [])
    let plan = try run.runner.plan()
    let work = try #require(plan.latency.first { $0.purpose == .candidates })
    var found: [MethodSetting: (latency: Double, accuracy: Double)] = [:]
    for trial in work.trials {
      let shards = plan.accuracy[0].methods.first { $0.method == trial.method }?.trials
      guard case .value(let latency) = reader.latency(trial),
        case .value(let accuracy) = reader.accuracy(try #require(shards))
      else { continue }
      found[trial.trial.method] = (latency, accuracy)
    }
    return found
  }

  @Test func `a latency target selects the most accurate setting within it`() throws {
    let folder = try TemporaryFolder()
    let generous = #"{"method": "tail_effect", "target_latency_ms": 100000, "layer": [1, 3]}"#
    let run = try MicroRun(targets(generous), in: folder)
    let summary = try run.runner.run()
    let tried = try tried(run)
    // Four token counts at two layers; the full count is the same for both.
    #expect(tried.count == 7)
    let row = try #require(summary.rows.first)
    #expect(row.reason == .latencyTarget(milliseconds: 100000))
    #expect(tried[row.method]?.accuracy == tried.values.map(\.accuracy).max())
    // A limit between the fastest and the slowest setting is met without new measurements of the
    // search.
    let latencies = tried.values.map(\.latency).sorted()
    let limit = (latencies[3] + latencies[4]) / 2
    let tight = try MicroRun(
      targets(generous.replacing("100000", with: "\(limit)")), in: folder, process: 2)
    #expect(try tight.runner.plan().pending.isEmpty)
    let chosen = try #require(try tight.runner.run().rows.first)
    let within = tried.values.filter { $0.latency <= limit }
    #expect(try #require(tried[chosen.method]).latency <= limit)
    #expect(tried[chosen.method]?.accuracy == within.map(\.accuracy).max())
  }

  @Test func `a drop target selects the fastest setting within it`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(
      targets(#"{"method": "tail_effect", "target_accuracy_drop": 100, "layer": [1, 3]}"#),
      in: folder)
    let row = try #require(try run.runner.run().rows.first)
    let tried = try tried(run)
    #expect(tried[row.method]?.latency == tried.values.map(\.latency).min())
  }

  @Test func `an unreachable target is reported and does not affect other rows`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(
      targets(
        #"{"method": "none"}, {"method": "tail_effect", "target_latency_ms": 0.000001, "layer": 1}"#
      ),
      in: folder)
    let summary = try run.runner.run()
    #expect(summary.rows.map(\.method.name) == ["none"])
    #expect(summary.unmet.count == 1)
    #expect(
      summary.unmet[0].hasPrefix(
        "custom, batch 1 on cpu: none of the 4 settings tried takes at most 1e-06 ms; the fastest takes"
      ))
  }

  @Test func `a match selects the r with the nearest latency`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(
      targets(
        #"{"method": "tail_effect", "r": [9, 27], "layer": 1}, {"method": "topk", "match_latency": "tail_effect"}"#
      ), in: folder)
    let summary = try run.runner.run()
    #expect(summary.rows.map(\.method.name) == ["tail_effect", "tail_effect", "topk", "topk"])
    guard case .latencyMatch(let reference, let difference)? = summary.rows[2].reason else {
      Issue.record("\(summary.rows[2])")
      return
    }
    #expect(
      reference
        == MethodSetting(
          name: "tail_effect", parameters: ["r": .integer(9)]))
    #expect(abs(difference) < 1)
    let reader = GridReader(result: run.store.result, givenUp: [])
    let work = try #require(try run.runner.plan().latency.first { $0.purpose == .match })
    // r from 0 until one patch token remains.
    #expect(
      work.trials.map(\.trial.method).filter { $0.name == "topk" }
        .compactMap { $0.parameters["r"]?.asInt }
        == Array(0...6))
    func median(_ method: MethodSetting) throws -> Double {
      let trial = try #require(work.trials.first { $0.trial.method == method })
      guard case .value(let median) = reader.latency(trial) else {
        Issue.record("\(method) was not timed")
        return 0
      }
      return median
    }
    for (reference, matched) in zip(summary.rows[..<2], summary.rows[2...]) {
      let target = try median(reference.method)
      let difference = abs(try median(matched.method) - target)
      let minimum = try #require(
        try work.trials.map(\.trial.method).filter { $0.name == "topk" }
          .map { abs(try median($0) - target) }.min())
      #expect(difference == minimum || difference <= RSearcher.tolerance * target)
    }
  }
}
