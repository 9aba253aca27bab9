import Foundation
import Measurement
import Records
import Support
import Testing

@testable import Experiments

/// Races: which method sees which images, and which stops when.
@Suite struct RaceTests {
  private static func spec(
    _ methods: String, images: Int = 2000, until: String = "2pp", rest: String = ""
  ) -> String {
    MicroRun.spec("\"methods\": [\(methods)]\(rest)").replacing(
      #""accuracy": {"images": 20, "batch_size": 8}"#,
      with: #""accuracy": {"images": \#(images), "until": "\#(until)"}"#)
  }

  private static let methods =
    #"{"method": "none"}, {"method": "topk", "r": [1, 3]}, {"method": "tome", "r": 3}"#

  /// topk loses much or little accuracy, tome little; latency falls with r.
  private static func accuracy(_ method: MethodSetting) -> Double {
    switch (method.name, method.parameters["r"]?.asInt) {
    case ("topk", 1): 0.89
    case ("topk", 3): 0.5
    case ("tome", _): 0.88
    default: 0.9
    }
  }

  private static func pretended(
    _ spec: String = spec(methods), topkIsSlow: Bool = true
  ) throws -> Pretended {
    try Pretended(spec) { method, image in
      Pretended.isRight(image, accuracy: accuracy(method), method)
    } milliseconds: { method in
      switch method.name {
      case "none": 10
      case "none_explicit": 12
      case "tome": 7
      default: method.parameters["r"] == .integer(3) ? (topkIsSlow ? 8 : 6) : 9
      }
    }
  }

  @Test
  func `a method far from the front stops at once, others when they are known precisely enough`()
    throws
  {
    var run = try Self.pretended()
    let (plan, _) = try run.run()
    let stops = Dictionary(
      plan.rows.compactMap { row in row.race.map { (row.method, $0.stop) } }
    ) { first, _ in first }
    func stop(_ name: String, _ r: Int?) -> RaceStop? {
      stops.first { $0.key.name == name && $0.key.parameters["r"]?.asInt == r }?.value
    }
    #expect(
      stop("topk", 3)
        == .offFront(behind: MethodSetting(name: "tome", parameters: ["r": .integer(3)])))
    #expect(stop("topk", 1) == .narrow)
    #expect(stop("tome", 3) == .narrow)
    #expect(stop("none", nil) == .narrow)
    let topk = run.images(of: "topk")
    let far = topk.first { $0.key.parameters["r"] == .integer(3) }?.value ?? 0
    let near = topk.first { $0.key.parameters["r"] == .integer(1) }?.value ?? 0
    #expect(far == 50)
    #expect(near > 200 && near < 2000)
    // The baseline continues as long as any method does, and no longer.
    #expect(
      run.images(of: "none").values.max()
        == max(near, run.images(of: "tome").values.max() ?? 0))
    #expect(plan.rows.allSatisfy { $0.race?.untilPoints == 2 || $0.method.name == "none_explicit" })
    #expect(plan.racing == 0)
  }

  @Test func `the fastest method is never taken off the front`() throws {
    var run = try Self.pretended(topkIsSlow: false)
    let (plan, _) = try run.run()
    for row in plan.rows {
      if case .offFront? = row.race?.stop { Issue.record("\(row.method) is the fastest or good") }
    }
  }

  @Test
  func `without latencies nothing is taken off the front, and all reach the requested precision`()
    throws
  {
    var run = try Self.pretended(
      Self.spec(Self.methods, until: "3pp").replacing(
        #""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1}"#, with: #""latency": false"#
      ))
    let (plan, _) = try run.run()
    for row in plan.rows { #expect(row.race?.stop == .narrow, "\(row.method)") }
  }

  @Test func `a precision that is too high classifies every image and reports it`() throws {
    var run = try Self.pretended(
      Self.spec(#"{"method": "none"}, {"method": "topk", "r": 1}"#, images: 300, until: "0.01pp"))
    let (plan, _) = try run.run()
    #expect(plan.rows.filter { $0.race != nil }.allSatisfy { $0.race?.stop == .everyImage })
    #expect(run.images(of: "topk").values.map { $0 } == [300])
  }

  @Test func `a race that is resumed differently ends with the same decisions`() throws {
    var whole = try Self.pretended()
    let (plan, _) = try whole.run()
    // Another planner with the same records requests nothing and decides the same.
    let other = try Self.pretended()
    let again = try other.planner.plan { whole.records[$0] }
    #expect(again.rows == plan.rows)
    #expect(again.accuracy.flatMap(\.trials).allSatisfy { whole.records[$0.key] != nil })
    // With some of the records, the rest is requested. Until all latencies are available, a method
    // may get more images than it needs, which changes no decision.
    var part = try Self.pretended()
    let kept = whole.records.keys.sorted().enumerated().filter { $0.offset % 3 != 0 }.map(\.element)
    for key in kept { part.records[key] = whole.records[key] }
    _ = try part.run()
    #expect(Set(whole.records.keys).isSubset(of: part.records.keys))
    #expect(try part.plan().rows == plan.rows)
  }

  @Test func `a race and a complete run share no records`() throws {
    let whole = MicroRun.spec("\"methods\": [\(Self.methods)]").replacing(
      #""accuracy": {"images": 20, "batch_size": 8}"#, with: #""accuracy": {"images": 2000}"#)
    var race = try Self.pretended()
    var full = try Self.pretended(whole)
    _ = try race.run()
    let (plan, _) = try full.run()
    func accuracies(_ run: Pretended) -> Set<String> {
      Set(
        run.records.filter {
          if case .accuracy = $0.value.measurement { true } else { false }
        }.keys)
    }
    #expect(accuracies(race).isDisjoint(with: accuracies(full)))
    #expect(plan.rows.allSatisfy { $0.race == nil && $0.dataset?.order == nil })
    for case .accuracy(let trial, _) in race.records.values.map(\.measurement) {
      #expect(trial.dataset.order == "random, seed 0")
    }
  }

  @Test func `images come in random order, with the same predictions as in a complete run`() throws
  {
    let methods = #""methods": [{"method": "none"}, {"method": "tome", "r": 3}], "latency": false"#
    func spec(_ accuracy: String) -> String {
      MicroRun.spec(methods).replacing(
        #""latency": {"min_seconds": 0, "min_samples": 3, "warmup": 1},"#, with: ""
      ).replacing(
        #""accuracy": {"images": 20, "batch_size": 8}"#, with: accuracy)
    }
    var outcomes: [[String: [Int: [Int]]]] = []
    var orders: [[Int]] = []
    for accuracy in [
      #""accuracy": {"images": 60, "batch_size": 8}"#,
      #""accuracy": {"images": 60, "batch_size": 8, "until": "0.01pp"}"#,
    ] {
      let folder = try TemporaryFolder()
      let run = try MicroRun(spec(accuracy), in: folder)
      let summary = try run.runner.run()
      #expect(summary.failures == [])
      let planMayGrow = accuracy.contains("until")
      #expect(run.listener.progress.allSatisfy { $0.mayGrow == planMayGrow })
      let dataset = run.planner.datasets[0].images
      var found: [String: [Int: [Int]]] = [:]
      for case .accuracy(let trial, let result) in run.store.records.map(\.measurement) {
        for (place, index) in result.imageIndices.enumerated() {
          let own = Int(dataset.path(at: index).filter(\.isNumber)) ?? -1
          found[trial.method.name, default: [:]][own] = result.topFive[place]
        }
      }
      outcomes.append(found)
      orders.append((0..<60).map { Int(dataset.path(at: $0).filter(\.isNumber)) ?? -1 })
      // Another run in the folder has nothing to do.
      #expect(try MicroRun(spec(accuracy), in: folder, process: 2).runner.run().measured == 0)
    }
    #expect(orders[0] != orders[1])
    #expect(orders[0].sorted() == orders[1].sorted())
    #expect(outcomes[0]["tome"]?.count == 60)
    #expect(outcomes[0] == outcomes[1])
  }

  @Test func `an interrupted race continues to the same predictions`() throws {
    let spec = Self.spec(
      #"{"method": "none"}, {"method": "topk", "r": 6}, {"method": "tome", "r": 3}"#, images: 120,
      until: "4pp")
    let whole = try TemporaryFolder()
    var asked = 0
    let undisturbed = try MicroRun(spec, in: whole, only: "accuracy") {
      asked += 1
      return false
    }
    let rows = try undisturbed.runner.run().rows
    let expected = MicroRun.predictions(undisturbed.store)
    #expect(expected.count >= 3)
    for limit in [1, asked / 3, asked * 2 / 3] {
      let folder = try TemporaryFolder()
      var polls = 0
      let stopped = try MicroRun(spec, in: folder, only: "accuracy") {
        polls += 1
        return polls > limit
      }
      #expect(throws: ExperimentsError.self) { try stopped.runner.run() }
      let resumed = try MicroRun(spec, in: folder, only: "accuracy", process: 2)
      #expect(try resumed.runner.run().rows == rows)
      #expect(MicroRun.predictions(resumed.store) == expected)
      #expect(try MicroRun.lines(in: folder).values.allSatisfy { $0 == 1 })
    }
  }

  @Test func `standings are stored in rows.json`() throws {
    let folder = try TemporaryFolder()
    var run = try Self.pretended()
    var rows = try run.run().plan.rows
    for (index, stop) in [RaceStop.decided, .everyImage, .failed].enumerated() {
      rows[index].race = RaceStanding(untilPoints: nil, stop: stop)
    }
    try RowsFile.write(rows, to: folder.url)
    #expect(RowsFile.read(folder.url) == rows)
  }
}
