import Records
import Support
import Testing

@testable import Measurement

@Suite struct DisturbedTimerTests {
  /// Counters that report a disturbance in the rounds that a test chooses with `isDisturbed`.
  private final class FakeCounters: CounterSource {
    private var readings = 0
    private var now = SystemCounters(
      stolenSeconds: 0, busySeconds: 0, waitSeconds: 0, preemptions: 0)
    let isDisturbed: (Int) -> Bool
    init(_ isDisturbed: @escaping (Int) -> Bool) { self.isDisturbed = isDisturbed }

    func read() -> SystemCounters? {
      // Two readings per round.
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

  @Test func `on an idle machine all rounds count`() throws {
    for samples in try measure(rule, counters: FakeCounters { _ in false }) {
      #expect(samples.milliseconds.count == 60)
      #expect(samples.quality == TimingQuality(counters: .read, rounds: 20))
    }
  }

  @Test
  func `disturbed rounds are replaced, and dropped ones are stored separately with the reason`()
    throws
  {
    let disturbed: Set = [2, 3, 11]
    let found = try measure(
      rule, counters: FakeCounters(disturbed.contains),
      milliseconds: { variant, pass in
        // The passes of a round: one untimed and three timed, after one pass of warm-up.
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

  @Test func `if most rounds are disturbed, all are kept and the timing is marked`() throws {
    for samples in try measure(rule, counters: FakeCounters { $0 % 4 != 0 }) {
      // Twice as many rounds as on an idle machine, but not without limit.
      let quality = try #require(samples.quality)
      #expect(quality.flaws == [.mostRoundsDisturbed])
      #expect(samples.milliseconds.count == 3 * quality.rounds)
      #expect(quality.droppedSamples == 0)
      #expect(Set(samples.rounds).count == quality.rounds)
      #expect(samples.seconds >= 100)
    }
  }

  @Test func `the timer waits for a disturbance that ends in time`() throws {
    for samples in try measure(rule, counters: FakeCounters { $0 < 15 }) {
      #expect(samples.quality?.flaws == [])
      #expect(samples.quality?.rounds == 35)
      #expect(samples.quality?.droppedSamples == 45)
    }
  }

  @Test func `a system without counters is reported`() throws {
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

  @Test func `the timer continues until the intervals of all ratios are narrow`()
    throws
  {
    // The second variant's passes vary; those of the first and third are constant.
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

  @Test func `the time limit ends it, and a useless interval is marked`() throws {
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
