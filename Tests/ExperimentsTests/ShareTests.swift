import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct ShareTests {
  private static let spec = MicroRun.spec(
    """
    "seed": 3, "methods": [{"method": "none"}, {"method": "topk", "r": [1, 2, 3, 4, 5]},
    {"method": "tome", "r": [1, 2, 3, 4]}]
    """
  ).replacing(#""images": 20"#, with: #""images": 700"#)

  private func share(_ text: String) throws -> Share { try #require(Share(text)) }

  @Test(arguments: ["", "3", "0/8", "9/8", "-1/8", "3/8/1", "a/b", "1/0", "1/100001", " 1/2"])
  func `an invalid share is refused`(_ text: String) { #expect(Share(text) == nil) }

  @Test(arguments: [1, 2, 3, 5, 8, 40])
  func `every trial belongs to exactly one share, on every machine`(_ count: Int) throws {
    let plan = try Pretended(Self.spec, isRight: { _, _ in true }, milliseconds: { _ in 1 }).plan()
    let other = try Pretended(Self.spec, isRight: { _, _ in true }, milliseconds: { _ in 1 }).plan()
    var all: Set<String> = []
    for number in 1...count {
      let keys = Division(plan, count: count).keys(of: try share("\(number)/\(count)"))
      #expect(
        keys == Division(other, count: count).keys(of: try share("\(number)/\(count)")))
      #expect(all.isDisjoint(with: keys))
      all.formUnion(keys)
    }
    #expect(all == plan.keys)
  }

  @Test func `accuracy is distributed so that no share exceeds its part by a quarter`() throws {
    let spec = Self.spec.replacing(#""images": 700"#, with: #""images": 1000"#)
      .replacing(
        #""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1}"#, with: #""latency": false"#
      )
    let plan = try Pretended(spec, isRight: { _, _ in true }, milliseconds: { _ in 1 }).plan()
    let total = plan.keys.count
    #expect(total == 40)
    for count in [2, 4, 8] {
      let most =
        (1...count).compactMap { Share("\($0)/\(count)") }
        .map { Division(plan, count: count).keys(of: $0).count }.max() ?? 0
      #expect(Double(most) <= 1.25 * Double(total) / Double(count), "\(count)")
    }
  }

  @Test func `a staircase is timed on one machine`() throws {
    let spec = MicroRun.spec(
      """
      "grid": {"images": 20, "stride": 2}, "methods": [{"method": "none"}, {"method": "tail_effect",
      "alpha": [0.3, 0.5], "layer": 2}]
      """)
    let plan = try Pretended(spec, isRight: { _, _ in true }, milliseconds: { _ in 1 }).plan()
    let grid = try #require(plan.latency.first { $0.purpose == .grid })
    #expect(grid.trials.count > 8)
    let division = Division(plan, count: 8)
    #expect(Set(grid.trials.map { division.share(of: $0.key) }).count == 1)
  }

  /// Shares on machines that see neither each other's locks nor records.
  @Test func `records of several writers are joined as if from one`() throws {
    let whole = try TemporaryFolder()
    let alone = try MicroRun(Self.spec, in: whole)
    let expected = try alone.runner.run()

    let joined = try TemporaryFolder()
    let target = joined.url.appendingPathComponent("results")
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    var baselines = 0
    var folders: [TemporaryFolder] = []
    for number in 1...3 {
      let own = try TemporaryFolder()
      folders.append(own)
      let run = try MicroRun(
        Self.spec, in: own, share: try share("\(number)/3"), process: Int32(number))
      let summary = try run.runner.run()
      #expect(summary.failures == [])
      #expect(summary.measured > 0)
      let results = own.url.appendingPathComponent("results")
      baselines += run.store.records.count {
        guard case .latency(let trial, _) = $0.measurement else { return false }
        return trial.method.name == "none"
      }
      for name in try FileManager.default.contentsOfDirectory(atPath: results.path)
      where name.hasSuffix(".jsonl") {
        try FileManager.default.copyItem(
          at: results.appendingPathComponent(name), to: target.appendingPathComponent(name))
      }
    }
    // Each set of timings has its own baseline.
    #expect(baselines >= 2)
    let last = try MicroRun(Self.spec, in: joined, process: 9)
    let summary = try last.runner.run()
    #expect(summary.measured == 0)
    #expect(MicroRun.predictions(last.store) == MicroRun.predictions(alone.store))
    #expect(Set(last.store.records.map(\.key)) == Set(alone.store.records.map(\.key)))
    // The R that a search chooses depends on timings; the methods do not.
    #expect(Set(summary.rows.map(\.method.name)) == Set(expected.rows.map(\.method.name)))
    #expect(folders.count == 3)
  }

  /// Without a common lock, both machines measure the same trials.
  @Test func `trials that were measured twice count once`() throws {
    let joined = try TemporaryFolder()
    let target = joined.url.appendingPathComponent("results")
    try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
    var first: [String: AccuracyResult] = [:]
    var folders: [TemporaryFolder] = []
    for process in [Int32(1), 2] {
      let own = try TemporaryFolder()
      folders.append(own)
      let run = try MicroRun(Self.spec, in: own, only: "accuracy*", process: process)
      _ = try run.runner.run()
      first = MicroRun.predictions(run.store)
      let results = own.url.appendingPathComponent("results")
      for name in try FileManager.default.contentsOfDirectory(atPath: results.path)
      where name.hasSuffix(".jsonl") {
        try FileManager.default.copyItem(
          at: results.appendingPathComponent(name), to: target.appendingPathComponent(name))
      }
    }
    #expect(try MicroRun.lines(in: joined).values.allSatisfy { $0 == 2 })
    let last = try MicroRun(Self.spec, in: joined, only: "accuracy*", process: 9)
    #expect(try last.runner.run().measured == 0)
    #expect(MicroRun.predictions(last.store) == first)
    #expect(last.store.records.count == first.count)
    #expect(folders.count == 2)
  }

  @Test func `failed shares are named`() throws {
    let folder = try TemporaryFolder()
    let log = ShareLog(results: folder.url)
    let moment = Date(timeIntervalSince1970: 1_700_000_000)
    #expect(log.problems == [])
    #expect(try log.begin(try share("1/4"), host: "a", process: 1, at: moment) == nil)
    try log.end(try share("1/4"), failures: [])
    #expect(try log.begin(try share("2/4"), host: "b", process: 2, at: moment) == nil)
    #expect(try log.begin(try share("3/4"), host: "c", process: 3, at: moment) == nil)
    try log.end(try share("3/4"), failures: ["latency of x: no memory", "y"])
    let killed = "share 2 of 4 was begun on b at 2023-11-14T22:13:20Z and did not end"
    #expect(
      log.problems == [
        killed, "share 3 of 4 failed on c: latency of x: no memory and 1 more",
        "share 4 of 4 was never begun",
      ])
    #expect(try log.begin(try share("2/4"), host: "d", process: 4, at: moment) == killed)
    try log.end(try share("2/4"), failures: [])
    #expect(log.problems.count == 2)
    log.clear()
    #expect(log.problems == [])
  }

  @Test func `the expected time of shares adds up, the baseline once for each set`() throws {
    let folder = try TemporaryFolder()
    let run = try MicroRun(Self.spec, in: folder)
    let plan = try run.runner.plan()
    try run.runner.calibrate(plan)
    let one = run.runner.expectedSeconds(plan, shares: 1)
    #expect(one.count == 1)
    #expect(abs(one[0] - run.runner.expectedSeconds(plan)) < 1e-9)
    let four = run.runner.expectedSeconds(plan, shares: 4)
    #expect(four.reduce(0, +) >= one[0])
    #expect((four.max() ?? 0) < one[0] / 2)
  }
}
