import Foundation
import Records
import Support
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
    @Test func `the counters of this process rise as it runs, and are cheap to read`() throws {
      let before = try #require(ProcCounters().read())
      let start = ContinuousClock.now
      for _ in 0..<100 { _ = ProcCounters().read() }
      let each = (ContinuousClock.now - start).inSeconds / 100
      let after = try #require(ProcCounters().read())
      #expect(after.ownSeconds > before.ownSeconds)
      #expect(try #require(after.busySeconds) >= (try #require(before.busySeconds)))
      // Some 0.1 ms by themselves, and other tests run beside this one.
      #expect(each < 0.02)
    }
  #endif
}

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

  @Test func `each counter is a reason of its own`() {
    #expect(reasons(counters(stolen: 0.06)) == [.stolenTime])
    #expect(reasons(counters(others: 0.2)) == [.otherProcesses])
    #expect(reasons(counters(wait: 0.06)) == [.runQueueWait])
    #expect(reasons(counters(wait: nil, preemptions: 80)) == [.preemption])
    // Where the wait is told, the number of preemptions is not needed.
    #expect(reasons(counters(preemptions: 80)) == [])
  }

  @Test func `a loop on one of two cores is seen twice`() {
    // The workers share a core with it: one of them waits half of the time.
    let found = rule.disturbances(
      from: SystemCounters(stolenSeconds: 0, busySeconds: 0, waitSeconds: 0, preemptions: 0),
      to: counters(others: 0.5, own: 1.5, wait: 0.5, preemptions: 300), seconds: 1)
    #expect(found.reasons == [.otherProcesses, .runQueueWait])
    #expect(abs(found.share - 0.25) < 1e-9)
  }

  @Test func `what others do on cores that no worker needs does not count`() {
    let wide = DisturbanceRule(workers: 2, cores: 8)
    #expect(reasons(counters(others: 5.5), wide) == [])
    #expect(reasons(counters(others: 6.5), wide) == [.otherProcesses])
  }

  @Test func `more workers than cores may wait for each other`() {
    #expect(reasons(counters(wait: 1), DisturbanceRule(workers: 4, cores: 2)) == [])
  }

  @Test func `a tick of the system's clock says nothing of a short round`() {
    #expect(reasons(counters(stolen: 0.01, others: 0.01, own: 0.1), seconds: 0.05) == [])
    #expect(
      reasons(counters(others: 0.05, own: 0.05), seconds: 0.05) == [.otherProcesses])
  }

  @Test func `a device without workers of the processor is judged by its own clock`() {
    let gpu = DisturbanceRule(workers: 0, cores: 2)
    #expect(reasons(counters(stolen: 1, others: 2, wait: 1), gpu) == [])
  }
}

@Suite struct DisturbedTimerTests {
  /// Counters that say of each round what a test wants: `isDisturbed` of the round's number.
  private final class FakeCounters: CounterSource {
    private var readings = 0
    private var now = SystemCounters(
      stolenSeconds: 0, busySeconds: 0, waitSeconds: 0, preemptions: 0)
    let isDisturbed: (Int) -> Bool
    init(_ isDisturbed: @escaping (Int) -> Bool) { self.isDisturbed = isDisturbed }

    func read() -> SystemCounters? {
      // Two readings a round.
      if readings % 2 == 1, isDisturbed(readings / 2) { now.waitSeconds? += 10 }
      readings += 1
      return now
    }
  }

  private func measure(
    _ rule: StopRule, variants: Int = 2, reference: Int? = 0, counters: any CounterSource,
    milliseconds: @escaping (_ variant: Int, _ pass: Int) -> Double = { _, _ in 10 }
  ) throws -> [TimedSamples] {
    let clock = FakeStopwatch()
    var found = [TimedSamples](repeating: TimedSamples(), count: variants)
    var passes = [Int](repeating: 0, count: variants)
    let timer = InterleavedTimer(
      rule: rule, seed: 1, stopwatch: clock, reference: reference, counters: counters,
      disturbance: DisturbanceRule(workers: 2, cores: 2))
    let timed = (0..<variants).map { variant in
      TimedVariant(run: {
        clock.advance(milliseconds: milliseconds(variant, passes[variant]))
        passes[variant] += 1
      })
    }
    let isComplete = try timer.measure(timed) { index, outcome in
      guard case .measured(let samples) = outcome else {
        Issue.record("a variant failed")
        return
      }
      found[index] = samples
    }
    #expect(isComplete)
    return found
  }

  private let rule = StopRule(
    warmup: 1, minSeconds: 0, minSamples: 60, until: 0.05, maxSeconds: 100)

  @Test func `an idle machine's rounds all count`() throws {
    for samples in try measure(rule, counters: FakeCounters { _ in false }) {
      #expect(samples.milliseconds.count == 60)
      #expect(samples.quality == TimingQuality(counters: .read, rounds: 20))
    }
  }

  @Test func `disturbed rounds are replaced, and what was dropped is kept apart with its reason`()
    throws
  {
    let disturbed: Set = [2, 3, 11]
    let found = try measure(
      rule, counters: FakeCounters(disturbed.contains),
      milliseconds: { variant, pass in
        // The passes of a round: one untimed and three timed, after one of warm-up.
        disturbed.contains((pass - 1) / 4) && pass > 0 ? 35 : 10
      })
    for samples in found {
      #expect(samples.milliseconds.count == 60)
      #expect(samples.milliseconds.allSatisfy { abs($0 - 10) < 1e-6 })
      #expect(disturbed.isDisjoint(with: samples.rounds))
      let quality = try #require(samples.quality)
      #expect(quality.rounds == 23)
      #expect(quality.flaws == [])
      #expect(quality.disturbed.map(\.round) == [2, 3, 11])
      #expect(quality.disturbed.allSatisfy { $0.reasons == [.runQueueWait] && $0.share == 1 })
      #expect(quality.droppedSamples == 9)
      #expect(quality.disturbed.allSatisfy { $0.droppedMilliseconds?.count == 3 })
      #expect(quality.isConsistent)
    }
  }

  @Test func `where most rounds are disturbed all are kept and the timing is marked`() throws {
    for samples in try measure(rule, counters: FakeCounters { $0 % 4 != 0 }) {
      // Twice what an idle machine needs, and no end without limit.
      let quality = try #require(samples.quality)
      #expect(quality.flaws == [.mostRoundsDisturbed])
      #expect(samples.milliseconds.count == 3 * quality.rounds)
      #expect(quality.droppedSamples == 0)
      #expect(Set(samples.rounds).count == quality.rounds)
      #expect(samples.seconds >= 100)
    }
  }

  @Test func `a disturbance that ends in time is waited for`() throws {
    for samples in try measure(rule, counters: FakeCounters { $0 < 15 }) {
      #expect(samples.quality?.flaws == [])
      #expect(samples.quality?.rounds == 35)
      #expect(samples.quality?.droppedSamples == 45)
    }
  }

  @Test func `a system without counters says so`() throws {
    for samples in try measure(rule, counters: NoCounters()) {
      #expect(samples.quality == TimingQuality(counters: .unavailable, rounds: 20))
    }
  }

  @Test func `a trial run of a few samples is not judged`() throws {
    let trial = StopRule(warmup: 0, minSeconds: 0, minSamples: 3, until: 0.05)
    for samples in try measure(trial, counters: FakeCounters { _ in true }) {
      #expect(samples.quality == nil)
      #expect(samples.milliseconds.count == 3)
    }
  }

  @Test func `the timer goes on until the interval of the ratio is narrow, for all variants alike`()
    throws
  {
    // The second variant's passes scatter; the first's and the third's are sure from the start.
    var generator = SplitMix64(seed: 3)
    let noise = (0..<4000).map { _ in 10 * (1 + 0.3 * generator.uniform()) }
    func counts(_ until: Double?) throws -> [Int] {
      let rule = StopRule(
        warmup: 1, minSeconds: 0, minSamples: 60, until: until, maxSeconds: 1000)
      let found = try measure(
        rule, variants: 3, counters: NoCounters(),
        milliseconds: { $0 == 1 ? noise[min($1, noise.count - 1)] : 10 })
      if let until {
        let all = Dictionary(uniqueKeysWithValues: found.enumerated().map { ($0, $1) })
        let widths = Reliability.halfWidths(all, reference: 0)
        #expect(widths.values.allSatisfy { $0 <= until })
      }
      return found.map(\.milliseconds.count)
    }
    let few = try counts(nil)
    let many = try counts(0.01)
    #expect(few == [60, 60, 60])
    #expect(many[0] > 90 && Set(many).count == 1)
  }

  @Test func `the limit of seconds ends it, and an interval that says nothing is marked`() throws {
    var generator = SplitMix64(seed: 3)
    let noise = (0..<4000).map { _ in generator.uniform() < 0.5 ? 10.0 : 20.0 }
    let limited = StopRule(
      warmup: 1, minSeconds: 0, minSamples: 60, until: 0.0001, maxSeconds: 2)
    let found = try measure(
      limited, counters: NoCounters(), milliseconds: { $0 == 1 ? noise[$1] : 10 })
    #expect(found[1].seconds >= 2 && found[0].seconds < 3)
    #expect(found[0].quality?.flaws == [])
    #expect(found[1].quality?.flaws == [.wideInterval])
  }
}
