import Measurement
import Testing

@Suite struct InterleavedTimerTests {
  private struct Broken: Error {}

  /// Times variants of fixed durations; returns the results and the runs, both in order.
  private func measure(
    _ milliseconds: [Double], _ rule: StopRule, seed: UInt64 = 1, stopAfter: Int = .max,
    breaking: (index: Int, run: Int)? = nil
  ) throws -> (outcomes: [Int: TimedOutcome], order: [Int], isComplete: Bool) {
    let clock = FakeStopwatch()
    var order: [Int] = []
    var outcomes: [Int: TimedOutcome] = [:]
    let timer = InterleavedTimer(
      rule: rule, seed: seed, stopwatch: clock, shouldStop: { order.count >= stopAfter })
    let variants = milliseconds.enumerated().map { index, length in
      TimedVariant(
        run: {
          order.append(index)
          if let breaking, breaking.index == index,
            order.count(where: { $0 == index }) == breaking.run
          {
            throw Broken()
          }
          clock.advance(milliseconds: length / 2)
        },
        // Half of the work ends only in synchronization.
        synchronize: { clock.advance(milliseconds: length / 2) })
    }
    let isComplete = try timer.measure(variants) { outcomes[$0] = $1 }
    return (outcomes, order, isComplete)
  }

  private func samples(_ outcome: TimedOutcome?) throws -> TimedSamples {
    guard case .measured(let samples)? = outcome else { throw Broken() }
    return samples
  }

  @Test func `every variant reaches both minima, with synchronization`() throws {
    let rule = StopRule(warmup: 3, minSeconds: 0.5, minSamples: 40)
    let (outcomes, _, isComplete) = try measure([2, 50, 400], rule)
    #expect(isComplete)
    for (index, length) in [2.0, 50, 400].enumerated() {
      let samples = try samples(outcomes[index])
      #expect(samples.milliseconds.allSatisfy { abs($0 - length) < 1e-6 })
      #expect(samples.milliseconds.count >= 40)
      #expect(samples.seconds >= 0.5)
      #expect(samples.rounds.count == samples.milliseconds.count)
      #expect(samples.rounds == samples.rounds.sorted())
    }
    // The short one needs more samples for its minimum time; the long ones need fourteen visits of
    // three samples, and all end together.
    #expect(try samples(outcomes[0]).milliseconds.count == 252)
    #expect(try samples(outcomes[2]).milliseconds.count == 42)
  }

  @Test func `samples are spread over twenty rounds`() throws {
    let (outcomes, _, _) = try measure([1, 1], StopRule(warmup: 1, minSeconds: 0, minSamples: 60))
    #expect(try Set(samples(outcomes[0]).rounds) == Set(0..<20))
  }

  @Test func `warm-up comes first, and a visit starts with an untimed pass`() throws {
    let (outcomes, order, _) = try measure(
      [10], StopRule(warmup: 4, minSeconds: 0, minSamples: 6))
    // Four passes of warm-up, then two visits of one untimed and three timed passes.
    #expect(order.count == 4 + 2 * (1 + 3))
    #expect(try samples(outcomes[0]).milliseconds.count == 6)
  }

  @Test func `each round visits every variant once and is followed by its reverse`() throws {
    let (_, order, _) = try measure(
      Array(repeating: 10, count: 5), StopRule(warmup: 1, minSeconds: 0, minSamples: 6))
    let visits = order.dropFirst(5)
    let first = stride(from: 0, to: 20, by: 4).map { visits[visits.startIndex + $0] }
    let second = stride(from: 20, to: 40, by: 4).map { visits[visits.startIndex + $0] }
    #expect(first.sorted() == [0, 1, 2, 3, 4])
    #expect(second == first.reversed())
  }

  @Test func `a variant that throws is reported, and the others continue`() throws {
    let (outcomes, _, isComplete) = try measure(
      [5, 5, 5], StopRule(warmup: 1, minSeconds: 0, minSamples: 9), breaking: (1, 4))
    #expect(isComplete)
    guard case .failed(let error)? = outcomes[1] else {
      Issue.record("the broken variant was not reported")
      return
    }
    #expect(error is Broken)
    #expect(try samples(outcomes[0]).milliseconds.count == 9)
    #expect(try samples(outcomes[2]).milliseconds.count == 9)
  }

  @Test func `a variant that throws in warm-up is reported too`() throws {
    let (outcomes, _, _) = try measure(
      [5, 5], StopRule(warmup: 2, minSeconds: 0, minSamples: 3), breaking: (0, 1))
    #expect(outcomes.count == 2)
    guard case .failed? = outcomes[0] else {
      Issue.record("the broken variant was not reported")
      return
    }
  }

  @Test func `a stop request ends it at the next pass`() throws {
    let (outcomes, order, isComplete) = try measure(
      [5, 5], StopRule(warmup: 1, minSeconds: 0, minSamples: 30), stopAfter: 12)
    #expect(!isComplete)
    #expect(order.count <= 13)
    #expect(outcomes.isEmpty)
  }

  @Test func `drift affects reversed rounds equally`() throws {
    // Every pass is slower than the last; without reversed rounds, the last variant of each round
    // would look slower.
    let clock = FakeStopwatch()
    var passes = 0.0
    var medians: [Int: Double] = [:]
    let variants = (0..<4).map { _ in
      TimedVariant(run: {
        passes += 1
        clock.advance(milliseconds: 10 + passes / 100)
      })
    }
    let timer = InterleavedTimer(
      rule: StopRule(warmup: 1, minSeconds: 0, minSamples: 30), seed: 3, stopwatch: clock)
    _ = try timer.measure(variants) { index, outcome in
      medians[index] = try Summary(samples(outcome).milliseconds)?.median
    }
    let values = medians.values.sorted()
    try #require(values.count == 4)
    #expect(values[3] - values[0] < 0.05)
  }

  @Test func `progress increases to one`() throws {
    let clock = FakeStopwatch()
    var shares: [Double] = []
    let timer = InterleavedTimer(
      rule: StopRule(warmup: 1, minSeconds: 0.1, minSamples: 10), seed: 3, stopwatch: clock)
    let variant = TimedVariant(run: { clock.advance(milliseconds: 5) })
    _ = try timer.measure(
      [variant, variant], progress: { shares.append($0) }, finished: { _, _ in })
    #expect(shares == shares.sorted())
    #expect(shares.last == 1)
    #expect((shares.first ?? 1) < 0.3)
  }
}
