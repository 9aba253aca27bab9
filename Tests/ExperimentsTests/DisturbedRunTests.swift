import Foundation
import Measurement
import Records
import Testing

@testable import Experiments

/// Runs on machines that are busy.
@Suite struct DisturbedRunTests {
  /// A machine on which our threads always wait, or never.
  private struct FakeMachine: CounterSource {
    final class Clock { var wait = 0.0 }
    let isBusy: Bool
    let clock = Clock()
    func read() -> SystemCounters? {
      if isBusy { clock.wait += 1e6 }
      return SystemCounters(
        stolenSeconds: 0, busySeconds: 0, waitSeconds: clock.wait, preemptions: 0)
    }
  }

  private func spec(_ rest: String) -> String {
    // Timings are judged from six samples on; not by the width of their interval, because other
    // tests run at the same time.
    MicroRun.spec(rest).replacing(
      #""min_samples": 3, "warmup": 1"#, with: #""min_samples": 6, "warmup": 1, "until": "50%""#)
  }

  private var search: String {
    spec(
      #""grid": {"stride": 9, "start": 10, "images": 20, "min_seconds": 0, "min_samples": 6}, "methods": [{"method": "none"}, {"method": "tail_effect", "alpha": 0.5, "layer": 1}]"#
    )
  }

  private func flaws(_ store: RecordStore) -> [[TimingFlaw]] {
    store.records.compactMap {
      guard case .latency(_, let result) = $0.measurement else { return nil }
      return result.quality?.flaws.filter { $0 == .mostRoundsDisturbed }
    }
  }

  @Test func `only the next run repeats a disturbed timing, which is recorded as disturbed`() throws
  {
    let folder = try TemporaryFolder()
    let text = spec(#""methods": [{"method": "none"}, {"method": "topk", "r": 2}]"#)
    let busy = try MicroRun(text, in: folder, counters: FakeMachine(isBusy: true))
    // Two accuracies and three timings, those of both baselines and topk; none is repeated.
    #expect(try busy.runner.run().measured == 5)
    #expect(flaws(busy.store) == Array(repeating: [.mostRoundsDisturbed], count: 3))

    let idle = try MicroRun(text, in: folder, process: 2, counters: FakeMachine(isBusy: false))
    let plan = try idle.runner.plan()
    #expect(idle.runner.doubtful(plan) == 3)
    #expect(idle.runner.openTrials(plan).count == 3)
    #expect(try idle.runner.run().measured == 3)
    #expect(
      try idle.runner.plan().latency[0].trials.allSatisfy { trial in
        guard case .latency(_, let result)? = idle.store.result(trial.key)?.measurement else {
          return false
        }
        return result.quality?.flaws.contains(.mostRoundsDisturbed) == false
      })
  }

  @Test func `no R is chosen from a grid that was disturbed`() throws {
    let folder = try TemporaryFolder()
    let busy = try MicroRun(search, in: folder, counters: FakeMachine(isBusy: true))
    let summary = try busy.runner.run()
    #expect(summary.rows.map(\.method.name) == ["none"])
    #expect(
      summary.unmet == [
        "custom, batch 1 on cpu: r cannot be chosen by alpha, since the timings of the latency grid are not "
          + "reliable; on an idle machine the same command takes them again"
      ])
    // On an idle machine the grid is timed again, and R is chosen.
    let idle = try MicroRun(search, in: folder, process: 2, counters: FakeMachine(isBusy: false))
    #expect(idle.runner.doubtful(try idle.runner.plan()) >= 4)
  }

  @Test(arguments: [
    #"{"method": "tail_effect", "target_latency_ms": 100000, "layer": 1}"#,
    #"{"method": "tail_effect", "target_accuracy_drop": 100, "layer": 1}"#,
    #"{"method": "tail_effect", "r": 9, "layer": 1}, {"method": "topk", "match_latency": "tail_effect"}"#,
  ])
  func `disturbed timings meet no target`(entries: String) throws {
    let folder = try TemporaryFolder()
    let text = spec(
      #""grid": {"stride": 9, "start": 10, "images": 20, "min_seconds": 0, "min_samples": 6}, "methods": [\#(entries)]"#
    )
    let summary = try MicroRun(text, in: folder, counters: FakeMachine(isBusy: true)).runner.run()
    #expect(summary.unmet.count == 1)
    #expect(summary.unmet.allSatisfy { $0.contains("are not reliable; on an idle machine") })
  }

  @Test func `the command of a run is stored as given`() throws {
    let folder = try TemporaryFolder()
    #expect(CommandFile.read(folder.url) == nil)
    try CommandFile.write(["lab", "run", "a b.json"], to: folder.url)
    #expect(CommandFile.read(folder.url) == ["lab", "run", "a b.json"])
  }

  @Test
  func
    `until and max_seconds are part of a trial where they are given, and have defaults where not`()
    throws
  {
    func timing(_ latency: String) throws -> TimingSetting {
      try #require(
        try SpecReader.read(
          try SpecSource(
            text:
              #"{"model": "demo_vit", "methods": [{"method": "none"}], "latency": \#(latency)}"#,
            file: "a.json")
        ).latency)
    }
    let standard = try timing(#"{"min_seconds": 2}"#)
    #expect(standard.until == nil && standard.maxSeconds == nil)
    #expect(standard.rule.until == 0.05 && standard.rule.maxSeconds == 4)
    let narrow = try timing(#"{"min_seconds": 2, "until": "2.5%"}"#)
    #expect(narrow.until == 0.025)
    #expect(narrow.rule.until == 0.025 && narrow.rule.maxSeconds == 20)
    let limited = try timing(#"{"min_seconds": 2, "until": "2%", "max_seconds": 7}"#)
    #expect(limited.maxSeconds == 7 && limited.rule.maxSeconds == 7)
  }
}
