import Records
import Testing

@testable import Experiments

@Suite struct TrialLabelTests {
  private let method = MethodSetting(
    name: "tail_effect",
    parameters: ["r": .integer(72), "layer": .integer(3), "feature": .string("v")])

  @Test func `labels have every parameter, short ones only those that are not defaults`() {
    #expect(TrialLabel.text(method) == "tail_effect feature=v layer=3 r=72")
    #expect(TrialLabel.short(method) == "tail_effect layer=3 r=72")
  }

  @Test(arguments: [
    ("latency", true), ("LATENCY", true), ("random r=3", true), ("random r=3*", false),
    ("*random r=3*", true), ("latency*cpu", true), ("latency*cuda", false), ("*r=?, *", true),
    ("accuracy", false), ("", true), ("*", true),
  ])
  func `a pattern matches anywhere unless it has a wildcard`(_ pattern: String, _ matches: Bool) {
    let label = TrialLabel.text(RecordSamples.latencyTrial(r: 3))
    #expect(label == "latency of vit, random r=3, batch 1 on cpu")
    #expect(TrialLabel.matches(label, pattern: pattern) == matches)
  }
}
