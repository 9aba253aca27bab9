import Testing

@testable import Experiments

@Suite struct ProgressMeterTests {
  @Test func `the remaining time is the expected time, corrected by the elapsed time`() throws {
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

  @Test func `work of another process counts neither as elapsed nor as remaining time`() {
    var meter = ProgressMeter(trials: 2, expectedSeconds: 20)
    meter.finish(expectedSeconds: 10, elsewhere: true)
    #expect(meter.trialsDone == 1)
    #expect(meter.secondsLeft(elapsed: 0) == 10)
  }

  @Test func `without an expected time nothing is predicted`() {
    #expect(ProgressMeter(trials: 1, expectedSeconds: 0).secondsLeft(elapsed: 5) == nil)
  }
}
