import Testing

@testable import Measurement

@Suite struct SystemCountersTests {
  @Test func `proc stat gives busy and stolen time of all cores`() throws {
    let text = """
      cpu  28527 10 7020 134319 701 5 93 23 40 0
      cpu0 13688 0 2496 69056 56 0 48 11 0 0
      """
    let times = try #require(ProcCounters.times(inStat: text))
    // user + nice + system + irq + softirq in hundredths; guests are part of user.
    #expect(abs(times.busy - 356.55) < 1e-9)
    #expect(abs(times.stolen - 0.23) < 1e-9)
  }

  @Test(arguments: ["", "cpu  1 2 3", "intr 1 2 3 4 5 6 7 8 9"])
  func `other texts give nothing`(text: String) {
    #expect(ProcCounters.times(inStat: text) == nil)
  }

  @Test func `schedstat gives the wait on the run queue`() {
    #expect(ProcCounters.wait(inSchedstat: "95933 74020 2\n") == 74020e-9)
    #expect(ProcCounters.wait(inSchedstat: "") == nil)
  }

  #if os(Linux)
    @Test func `the counters of this process increase while it runs and are cheap to read`() throws
    {
      let before = try #require(ProcCounters().read())
      let start = ContinuousClock.now
      for _ in 0..<100 { _ = ProcCounters().read() }
      let each = (ContinuousClock.now - start).inSeconds / 100
      let after = try #require(ProcCounters().read())
      #expect(after.ownSeconds > before.ownSeconds)
      #expect(try #require(after.busySeconds) >= (try #require(before.busySeconds)))
      // About 0.1 ms alone, but other tests run at the same time.
      #expect(each < 0.02)
    }
  #endif
}
