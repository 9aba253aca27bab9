import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct RunnerTests {
  private let spec = MicroRun.spec(
    #""batch_size": [1, 2], "methods": [{"method": "none"}, {"method": "random", "r": 12}, {"method": "tome", "r": 3}]"#
  )

  @Test func `a run measures every trial once, a second run none`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec, in: folder)
    let summary = try run.runner.run()
    #expect(summary.measured == 3 + 2 * 3)
    #expect(summary.failures == [])
    #expect(summary.rows.count == 6)
    #expect(Set(run.store.records.map(\.key)) == (try run.runner.plan()).keys)
    #expect(run.listener.progress.last?.trialsDone == 9)
    let again = try MicroRun(spec, in: folder, process: 2)
    #expect(try again.runner.run().measured == 0)
    #expect(try MicroRun.lines(in: folder).values.allSatisfy { $0 == 1 })
  }

  @Test func `records contain the results and the cost`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec, in: folder)
    _ = try run.runner.run()
    for record in run.store.records {
      #expect(record.environment.threads == 1)
      #expect(record.environment.program == Program.version)
      switch record.measurement {
      case .accuracy(let trial, let result):
        #expect(result.imageIndices == Array(0..<20))
        #expect(result.topFive.allSatisfy { Set($0).count == 5 })
        #expect(trial.model.weights?.digest.count == 64)
        #expect(
          trial.method.name != "random"
            || result.cost.tokensAfterBlocks == Array(repeating: 25, count: 6))
      case .latency(let trial, let result):
        #expect(result.samplesMilliseconds.count >= 3)
        #expect(result.samplesMilliseconds.allSatisfy { $0 > 0 })
        #expect(result.peakMemoryBytes > 0)
        #expect(result.cost.macs > 1_000_000)
        #expect(trial.model.weights == nil)
        #expect(trial.device.threads == 1)
      default: Issue.record("a trial failed")
      }
    }
  }

  @Test func `an interrupted run keeps its results and ends with the same predictions`() throws {
    let whole = try TemporaryFolder()
    var asked = 0
    let undisturbed = try MicroRun(spec, in: whole) {
      asked += 1
      return false
    }
    _ = try undisturbed.runner.run()
    let expected = MicroRun.predictions(undisturbed.store)
    #expect(expected.count == 3)
    for limit in [0, 1, asked / 4, asked / 2, asked * 3 / 4, asked - 2] {
      let folder = try TemporaryFolder()
      var polls = 0
      let stopped = try MicroRun(spec, in: folder) {
        polls += 1
        return polls > limit
      }
      let error = #expect(throws: ExperimentsError.self) { try stopped.runner.run() }
      #expect(error?.exitCode == 130)
      let kept = stopped.store.records.count
      #expect(kept == stopped.runner.measured)
      let resumed = try MicroRun(spec, in: folder, process: 2)
      #expect(try resumed.runner.run().measured == 9 - kept)
      #expect(MicroRun.predictions(resumed.store) == expected)
      #expect(try MicroRun.lines(in: folder).values.allSatisfy { $0 == 1 })
    }
  }

  @Test func `a file truncated by a kill loses only one trial`() throws {
    let folder = try TemporaryFolder()
    let first = try MicroRun(spec, in: folder)
    _ = try first.runner.run()
    let expected = MicroRun.predictions(first.store)
    let file = folder.url.appendingPathComponent("results/accuracy-h-1.jsonl")
    let bytes = try Data(contentsOf: file)
    for part in [0.1, 0.5, 0.9] {
      try bytes.prefix(Int(Double(bytes.count) * part)).write(to: file)
      let resumed = try MicroRun(spec, in: folder, process: 2)
      #expect(try resumed.runner.run().measured >= 1)
      #expect(MicroRun.predictions(resumed.store) == expected)
      try FileManager.default.removeItem(
        at: folder.url.appendingPathComponent("results/accuracy-h-2.jsonl"))
    }
  }

  @Test func `predictions do not depend on the batch`() throws {
    let methods = #""methods": [{"method": "random", "r": 20}, {"method": "tail_effect", "r": 20}]"#
    var found: [[String: AccuracyResult]] = []
    for size in [1, 7, 50] {
      let folder = try TemporaryFolder()
      let run = try MicroRun(
        MicroRun.spec(methods).replacing(#""batch_size": 8"#, with: "\"batch_size\": \(size)"),
        in: folder, only: "accuracy")
      _ = try run.runner.run()
      found.append(MicroRun.predictions(run.store))
    }
    #expect(found[0].count == 2)
    #expect(found[0] == found[1])
    #expect(found[0] == found[2])
  }

  @Test func `a pattern selects trials and leaves others alone`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(spec, in: folder, only: "latency*tome*batch 2*")
    #expect(try run.runner.run().measured == 1)
    guard case .latency(let trial, _)? = run.store.records.first?.measurement else {
      Issue.record("no latency was measured")
      return
    }
    #expect(trial.method.name == "tome")
    #expect(trial.batchSize == 2)
  }

  @Test func `two processes share the work without repeating any`() async throws {
    let folder = try TemporaryFolder()
    let spec = self.spec
    let url = folder.url
    let measured = try await withThrowingTaskGroup(of: Int.self) { group in
      for process in 1...3 {
        group.addTask {
          let run = try MicroRun(
            spec, in: TemporaryFolder(at: url), process: Int32(process))
          return try run.runner.run().measured
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(measured == 9)
    let lines = try MicroRun.lines(in: folder)
    #expect(lines.count == 9)
    #expect(lines.values.allSatisfy { $0 == 1 })
  }

  @Test func `a method added later is timed next to the baseline again`() throws {
    let folder = try TemporaryFolder()
    func methods(_ more: String) -> String {
      MicroRun.spec(
        #""methods": [{"method": "none"}, {"method": "random", "r": 12}\#(more)]"#,
        weights: "random"
      ).replacing(#""accuracy": {"images": 20, "batch_size": 8}"#, with: #""accuracy": false"#)
    }
    let first = try MicroRun(methods(""), in: folder)
    #expect(try first.runner.run().measured == 2)
    let second = try MicroRun(methods(#", {"method": "topk", "r": 3}"#), in: folder, process: 2)
    // The baseline is not a new trial; the one with explicit attention is.
    #expect(try second.runner.run().measured == 2)
    func rounds(of method: String, _ store: RecordStore) -> [String] {
      store.records.compactMap { record in
        guard case .latency(let trial, _) = record.measurement, trial.method.name == method else {
          return nil
        }
        return record.environment.started
      }.sorted()
    }
    let again = try MicroRun(methods(""), in: folder, process: 3)
    #expect(try again.runner.run().measured == 0)
    for store in [second.store, again.store] {
      let baselines = rounds(of: "none", store)
      #expect(baselines.count == 2)
      #expect(rounds(of: "random", store) == [baselines[0]])
      #expect(rounds(of: "topk", store) == [baselines[1]])
    }
  }

  @Test func `the batch size of accuracy is part of the key only if predictions depend on it`()
    throws
  {
    let folder = try TemporaryFolder()
    func keys(_ batchSize: Int) throws -> [[String]] {
      let spec = MicroRun.spec(
        """
        "latency": false, "methods": [{"method": "tail_effect", "r": 9, "normalization": ["image", "batch"]},
        {"method": "tail_effect", "r": 9, "normalization": "batch", "attention": false}]
        """
      ).replacing(#""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1},"#, with: "")
        .replacing(#""batch_size": 8"#, with: #""batch_size": \#(batchSize)"#)
      let plan = try MicroRun(spec, in: folder).runner.plan()
      return plan.accuracy.flatMap { work in work.methods.map { $0.trials.map(\.key) } }
    }
    let (small, large) = (try keys(4), try keys(8))
    #expect(small[0] == large[0])
    #expect(small[1] != large[1])
    #expect(small[2] == large[2])
  }
}
