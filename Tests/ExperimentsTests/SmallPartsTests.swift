import Records
import Testing

@testable import Experiments

@Suite struct TopClassesTests {
  private func best(_ count: Int, _ logits: [Float]) -> [Int] {
    logits.withUnsafeBufferPointer { TopClasses.best(count, of: $0) }
  }

  @Test func `the best classes come first, of equals the lower`() {
    #expect(best(3, [1, 5, 3, 5, 4]) == [1, 3, 4])
    #expect(best(5, [2, 2, 2]) == [0, 1, 2])
    #expect(best(2, [-.infinity, -1, .infinity]) == [2, 1])
  }

  @Test func `NaN is below every number`() {
    #expect(best(2, [.nan, -5, 1]) == [2, 1])
    #expect(best(3, [.nan, 1]) == [1, 0])
  }
}

@Suite struct TrialLabelTests {
  private let method = MethodSetting(
    name: "tail_effect",
    parameters: ["r": .integer(72), "layer": .integer(3), "feature": .string("v")])

  @Test func `labels name every parameter and short ones those that are no default`() {
    #expect(TrialLabel.text(method) == "tail_effect feature=v layer=3 r=72")
    #expect(TrialLabel.short(method) == "tail_effect layer=3 r=72")
  }

  @Test(arguments: [
    ("latency", true), ("LATENCY", true), ("random r=3", true), ("random r=3*", false),
    ("*random r=3*", true), ("latency*cpu", true), ("latency*cuda", false), ("*r=?, *", true),
    ("accuracy", false), ("", true), ("*", true),
  ])
  func `a pattern stands anywhere unless it has a wildcard`(_ pattern: String, _ matches: Bool) {
    let label = TrialLabel.text(RecordSamples.latencyTrial(r: 3))
    #expect(label == "latency of vit, random r=3, batch 1 on cpu")
    #expect(TrialLabel.matches(label, pattern: pattern) == matches)
  }
}

@Suite struct ProgressMeterTests {
  @Test func `time left is what is expected, corrected by the time taken`() throws {
    var meter = ProgressMeter(trials: 3, expectedSeconds: 300)
    #expect(meter.secondsLeft(elapsed: 0) == 300)
    meter.finish(expectedSeconds: 100)
    #expect(meter.trialsDone == 1)
    // Twice as slow as expected.
    let left = try #require(meter.secondsLeft(elapsed: 200))
    #expect(abs(left - 200 * 210.0 / 110) < 1e-9)
    meter.setPartial(expectedSeconds: 50)
    #expect(try #require(meter.secondsLeft(elapsed: 200)) < left)
    meter.finish(trials: 2, expectedSeconds: 200)
    #expect(meter.secondsLeft(elapsed: 600) == 0)
  }

  @Test func `what another process did neither counts as our time nor is left`() {
    var meter = ProgressMeter(trials: 2, expectedSeconds: 20)
    meter.finish(expectedSeconds: 10, elsewhere: true)
    #expect(meter.trialsDone == 1)
    #expect(meter.secondsLeft(elapsed: 0) == 10)
  }

  @Test func `nothing expected is nothing known`() {
    #expect(ProgressMeter(trials: 1, expectedSeconds: 0).secondsLeft(elapsed: 5) == nil)
  }
}

@Suite struct PlanTextTests {
  @Test(arguments: [
    (0.2, "1 s"), (59.5, "1 min"), (61, "1 min 1 s"), (3599.5, "1 h 0 min"), (7500, "2 h 5 min"),
  ])
  func `durations are said as a person says them`(_ seconds: Double, _ text: String) {
    #expect(PlanText.duration(seconds) == text)
  }

  @Test func `token counts are folded`() {
    #expect(PlanText.runs([145, 145, 145, 73, 73, 5]) == "145×3 73×2 5")
    #expect(PlanText.runs([]) == "")
  }
}
