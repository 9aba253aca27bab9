import Foundation
import Records
import Testing

@testable import Experiments

/// The table of each method's fastest setting within a drop.
@Suite struct AccuracyMatchTests {
  private static func spec(_ methods: String, points: Double = 2) -> String {
    MicroRun.spec("\"methods\": [\(methods)], \"match_accuracy_drop\": \(points)").replacing(
      #""accuracy": {"images": 20, "batch_size": 8}"#, with: #""accuracy": {"images": 2000}"#)
  }

  private static let methods =
    #"{"method": "none"}, {"method": "topk", "r": 2}, {"method": "evit", "keep_rate": 0.7}"#

  /// Accuracy falls with the square of the removed tokens; latency is a staircase.
  private static func removed(_ method: MethodSetting) -> Int {
    let r = method.parameters["r"]?.asInt ?? 0
    let rate = method.parameters["keep_rate"]?.asDouble ?? 1
    return r * 4 + Int((1 - rate) * 36 + 0.5)
  }

  private static func pretended(_ spec: String) throws -> Pretended {
    try Pretended(spec) { method, image in
      let gone = Double(removed(method))
      return Pretended.isRight(image, accuracy: 0.9 - 0.001 * gone * gone, method)
    } milliseconds: { method in
      method.name == "none_explicit" ? 40 : 30 - Double(removed(method) / 3)
    }
  }

  @Test func `each method gets its fastest setting within the drop, from few images`()
    throws
  {
    var run = try Self.pretended(Self.spec(Self.methods))
    let (plan, _) = try run.run()
    #expect(plan.unmet.isEmpty && plan.matching == 0)
    let matched = plan.rows.filter { $0.reason == .accuracyDropTarget(points: 2) }
    #expect(matched.map(\.method.name) == ["topk", "evit"])
    let whole = try #require(matched.first?.dataset?.images)
    #expect(whole == 2000)
    for row in matched {
      #expect(row.dataset?.order != nil)
      #expect(row.race?.stop == .decided || row.race?.stop == .everyImage)
      // The true result over all images, by brute force over every setting.
      func right(_ method: MethodSetting) -> Int {
        (0..<2000).count { run.isRight(method, $0) }
      }
      let baseline = right(MethodSetting(name: "none", parameters: [:]))
      #expect(100 * Double(baseline - right(row.method)) / 2000 <= 2.0)
      let own = run.milliseconds(row.method)
      for other in run.planner.matchCandidates(row.method.name) {
        let drop = 100 * Double(baseline - right(other.setting)) / 2000
        if drop <= 2 { #expect(run.milliseconds(other.setting) >= own, "\(other.setting)") }
      }
    }
    // The number of images if every setting saw every image.
    let tried = run.images(of: "topk").merging(run.images(of: "evit")) { $0 + $1 }
    let settings =
      run.planner.matchCandidates("topk").count + run.planner.matchCandidates("evit").count
    let raced = tried.values.reduce(0, +) - 2 * 2000
    #expect(raced * 4 < settings * 2000)
    // The baseline is in that table, too.
    #expect(plan.rows.contains { $0.method.name == "none" && $0.dataset?.order != nil })
  }

  @Test func `it is reported if no setting is within the drop`() throws {
    var run = try Self.pretended(
      Self.spec(#"{"method": "none"}, {"method": "evit", "keep_rate": 0.7}"#, points: 0))
    let (plan, _) = try run.run()
    #expect(
      plan.unmet == [
        "custom, batch 1 on cpu: none of the \(run.planner.matchCandidates("evit").count) settings of "
          + "evit that were tried is within 0 points of the baseline"
      ])
    #expect(!plan.rows.contains { $0.reason != nil })
  }
}

extension Planner {
  /// The settings that are searched for a method's fastest one.
  fileprivate func matchCandidates(_ name: String) -> [PlannedMethod] {
    let builder = PlanBuilder(
      planner: self, reader: GridReader(result: { _ in nil }, givenUp: []),
      timings: RecordedTimings([]))
    guard let type = AccuracyMatch.types(of: spec).first(where: { $0.name == name }) else {
      return []
    }
    return AccuracyMatch.ladders(of: type, model: 0, in: builder).flatMap { $0 }
  }
}
