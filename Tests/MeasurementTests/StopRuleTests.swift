import Measurement
import Testing

@Suite struct StopRuleTests {
  @Test func `both minima must be reached`() {
    let rule = StopRule(warmup: 0, minSeconds: 2, minSamples: 10)
    #expect(!rule.isSatisfied(samples: 10, seconds: 1.99))
    #expect(!rule.isSatisfied(samples: 9, seconds: 5))
    #expect(rule.isSatisfied(samples: 10, seconds: 2))
  }

  @Test(arguments: [(1.0, 3), (0.1, 3), (0.01, 5), (0.001, 50), (0, 3)])
  func `a visit takes a twentieth of the samples, but at least three`(
    _ estimate: Double, _ samples: Int
  ) {
    let rule = StopRule(warmup: 0, minSeconds: 1, minSamples: 30)
    #expect(rule.samplesPerVisit(estimate: estimate) == samples)
  }

  @Test func `the expected time is the time taken`() throws {
    for (rule, milliseconds) in [
      (StopRule(warmup: 5, minSeconds: 1, minSamples: 30), 7.0),
      (StopRule(warmup: 2, minSeconds: 0.25, minSamples: 15), 90),
      (StopRule(warmup: 1, minSeconds: 0, minSamples: 3), 500),
    ] {
      let clock = FakeStopwatch()
      let timer = InterleavedTimer(rule: rule, seed: 1, stopwatch: clock)
      _ = try timer.measure([TimedVariant(run: { clock.advance(milliseconds: milliseconds) })]) {
        _, _ in
      }
      let expected = rule.expectedSeconds(estimate: milliseconds / 1e3)
      #expect(abs(clock.now.inSeconds - expected) < 1e-6)
    }
  }
}
