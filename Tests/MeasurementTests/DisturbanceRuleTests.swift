import Records
import Testing

@testable import Measurement

@Suite struct DisturbanceRuleTests {
  private let rule = DisturbanceRule(workers: 2, cores: 2)

  private func reasons(
    _ after: SystemCounters, _ rule: DisturbanceRule? = nil, seconds: Double = 1
  ) -> [Disturbance] {
    let zero = SystemCounters(
      stolenSeconds: 0, busySeconds: 0, ownSeconds: 0,
      waitSeconds: after.waitSeconds.map { _ in 0 }, preemptions: 0)
    return (rule ?? self.rule).disturbances(from: zero, to: after, seconds: seconds).reasons
  }

  private func counters(
    stolen: Double = 0, others: Double = 0, own: Double = 2, wait: Double? = 0.001,
    preemptions: Int = 6
  ) -> SystemCounters {
    SystemCounters(
      stolenSeconds: stolen, busySeconds: own + others, ownSeconds: own, waitSeconds: wait,
      preemptions: preemptions)
  }

  @Test func `an idle machine with its daemons is undisturbed`() {
    #expect(reasons(counters(stolen: 0.01, others: 0.02)) == [])
  }

  @Test func `each counter is a separate reason`() {
    #expect(reasons(counters(stolen: 0.06)) == [.stolenTime])
    #expect(reasons(counters(others: 0.2)) == [.otherProcesses])
    #expect(reasons(counters(wait: 0.06)) == [.runQueueWait])
    #expect(reasons(counters(wait: nil, preemptions: 80)) == [.preemption])
    // If the wait time is known, the number of preemptions is not used.
    #expect(reasons(counters(preemptions: 80)) == [])
  }

  @Test func `a loop on one of two cores is detected by two counters`() {
    // The workers share a core with it, so that one of them waits half of the time.
    let found = rule.disturbances(
      from: SystemCounters(stolenSeconds: 0, busySeconds: 0, waitSeconds: 0, preemptions: 0),
      to: counters(others: 0.5, own: 1.5, wait: 0.5, preemptions: 300), seconds: 1)
    #expect(found.reasons == [.otherProcesses, .runQueueWait])
    #expect(abs(found.share - 0.25) < 1e-9)
  }

  @Test func `load on cores that no worker needs does not count`() {
    let wide = DisturbanceRule(workers: 2, cores: 8)
    #expect(reasons(counters(others: 5.5), wide) == [])
    #expect(reasons(counters(others: 6.5), wide) == [.otherProcesses])
  }

  @Test func `more workers than cores may wait for each other`() {
    #expect(reasons(counters(wait: 1), DisturbanceRule(workers: 4, cores: 2)) == [])
  }

  @Test func `a single tick of the system's clock does not disturb a short round`() {
    #expect(reasons(counters(stolen: 0.01, others: 0.01, own: 0.1), seconds: 0.05) == [])
    #expect(
      reasons(counters(others: 0.05, own: 0.05), seconds: 0.05) == [.otherProcesses])
  }

  @Test func `a device without CPU workers is judged by its own clock`() {
    let gpu = DisturbanceRule(workers: 0, cores: 2)
    #expect(reasons(counters(stolen: 1, others: 2, wait: 1), gpu) == [])
  }
}
