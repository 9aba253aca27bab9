import Foundation
import Measurement
import Records
import Support
import TokenReduction
import VisionModels

/// Measures the open trials of one piece of latency work, interleaved.
struct LatencyRunner {
  let work: LatencyWork
  let seed: Int
  let context: RunContext

  /// The number of interleaved variants, each of which holds its activations.
  static let variants = (min: 24, max: 64)
  /// The maximum memory for the activations of a large set, in bytes.
  static let setBytes = 1 << 29

  /// A variant that this process has claimed, or that is timed again together with others.
  private struct Variant {
    let planned: PlannedLatency
    /// `nil` for the baseline of an earlier set, which has a record.
    let claim: FileLock?
    let expectedSeconds: Double
    var pass: PassRunner?
    var peakMemoryBytes = 0
  }

  /// Measures what no other process holds; returns whether anything was done.
  ///
  /// - Throws: `ExperimentsError.interrupted`, `.recordNotStored`; the failure of a method is
  ///   recorded instead.
  func run() throws -> Bool {
    let open = work.trials.filter { context.isOpen($0.key) }
    var didSomething = false
    for members in sets(open) {
      try context.checkStop()
      if try run(members) { didSomething = true }
    }
    return didSomething
  }

  /// The open trials, divided into interleaved sets.
  ///
  /// Every set spans the whole list, so that drift between sets causes no step in a grid. Every set
  /// of rows contains the baselines, whether they are recorded or not, because a speed-up is a
  /// ratio of timings from the same rounds.
  private func sets(_ open: [PlannedLatency]) -> [[PlannedLatency]] {
    let anchors = work.purpose == .rows ? work.trials.filter(\.isBaseline) : []
    let others = open.filter { trial in !anchors.contains { $0.key == trial.key } }
    guard !others.isEmpty else { return open.isEmpty ? [] : [open] }
    let limit = maxVariants - anchors.count
    let sets = (others.count + limit - 1) / limit
    return (0..<sets).map { set in
      anchors + stride(from: set, to: others.count, by: sets).map { others[$0] }
    }
  }

  /// As many as fit `setBytes`, within the bounds of `variants`.
  private var maxVariants: Int {
    // The memory of a pass without token reduction; other methods need about the same.
    let entry = work.model.choice.entry
    let run = try? DryRun(entry.architecture, .unreduced(entry.info.tokens))
    let fitting = Self.setBytes / (work.batchSize * max(1, run?.activationBytes ?? 1))
    return min(Self.variants.max, max(Self.variants.min, fitting))
  }

  private func run(_ members: [PlannedLatency]) throws -> Bool {
    let lock = try context.takeMachine(alone: true)
    let claims = try context.claim(members.map(\.key))
    guard !claims.isEmpty else { return false }
    var variants: [Variant] = members.compactMap { planned in
      let claim = claims[planned.key]
      // Others may hold or have done a row meanwhile; the baseline is still needed.
      guard claim != nil || planned.isBaseline else { return nil }
      return Variant(
        planned: planned, claim: claim,
        expectedSeconds: context.estimate.seconds(work, planned.method))
    }
    try withExtendedLifetime(lock) {
      let provenance = Provenance(work.device.backend)
      for index in variants.indices { try measureMemory(&variants[index], provenance) }
      for index in variants.indices { try prepare(&variants[index], provenance) }
      try time(variants.filter { $0.pass != nil }, provenance)
    }
    return true
  }

  /// The activity shown during this work.
  private var activity: String {
    "\(work.purpose.rawValue) of \(work.model.setting.name), batch "
      + "\(work.batchSize) on \(work.device.setting.name)"
  }

  /// Runs each variant once by itself, to measure its peak memory.
  private func measureMemory(_ variant: inout Variant, _ provenance: Provenance) throws {
    try context.checkStop()
    try recordingFailure(of: &variant, provenance) { variant in
      let pass = try makePass(variant)
      let backend = pass.model.backend
      ProcessMemory.resetPeak()
      backend.resetPeakMemory()
      pass.run()
      try backend.check()
      try LogitsNotFinite.check(
        pass.logits, images: work.batchSize, model: work.model.setting.name
      ) { "image \($0) of the noise that is timed" }
      variant.peakMemoryBytes = backend.peakMemoryBytes ?? ProcessMemory.peakBytes()
    }
  }

  private func prepare(_ variant: inout Variant, _ provenance: Provenance) throws {
    guard !context.givenUp.contains(variant.planned.key) else { return }
    try recordingFailure(of: &variant, provenance) { $0.pass = try makePass($0) }
  }

  /// A pass whose input is seeded noise, because time depends only on shapes.
  private func makePass(_ variant: Variant) throws -> PassRunner {
    let pass = try context.pool.pass(
      work.model, on: work.device, variant.planned.method, batchSize: work.batchSize,
      precision: work.precision)
    var generator = SplitMix64(seed: UInt64(seed))
    for index in pass.input.indices {
      pass.input[index] = Float(generator.next() >> 40) / Float(1 << 23) - 1
    }
    return pass
  }

  private func recordingFailure(
    of variant: inout Variant, _ provenance: Provenance, _ body: (inout Variant) throws -> Void
  ) throws {
    do {
      try body(&variant)
    } catch {
      try fail(variant, error, provenance)
    }
  }

  private func fail(_ variant: Variant, _ error: any Error, _ provenance: Provenance) throws {
    let trial = variant.planned.trial
    try context.recordFailure(
      error, key: variant.planned.key, label: TrialLabel.text(trial),
      environment: provenance.environment(work.device, precision: work.precision)
    ) { .failedLatency(trial, $0) }
  }

  private func time(_ variants: [Variant], _ provenance: Provenance) throws {
    let timer = InterleavedTimer(
      rule: work.timing.rule, seed: UInt64(seed), stopwatch: context.stopwatch,
      reference: work.purpose == .rows
        ? variants.firstIndex { $0.planned.trial.method.name == NoReduction.name } : nil,
      counters: context.counters,
      disturbance: DisturbanceRule(
        workers: work.device.setting.threads, cores: MachineFacts.current.cores),
      shouldStop: context.shouldStop)
    let clocks = variants.map { _ in
      PassClock(stopwatch: context.stopwatch, warmup: work.timing.rule.warmup)
    }
    let timed = zip(variants, clocks).map { variant, clock in
      variant.pass?.timed(by: clock, coldCache: work.timing.l2 == .cold) ?? TimedVariant(run: {})
    }
    let expected = variants.map(\.expectedSeconds).reduce(0, +)
    var finished = 0.0
    let started = context.stopwatch.now
    let isComplete = try timer.measure(
      timed,
      progress: { share in
        context.meter.setPartial(expectedSeconds: max(0, expected * share - finished))
        context.report(activity, rate: Self.rate(variants.count, share))
      },
      finished: { index, outcome in
        let variant = variants[index]
        finished += variant.expectedSeconds
        switch outcome {
        case .failed(let error): try fail(variant, error, provenance)
        case .measured(let samples): try record(variant, samples, clocks[index], provenance)
        }
      })
    guard isComplete else {
      context.lost = LostTimings(
        count: variants.count, seconds: (context.stopwatch.now - started).inSeconds)
      throw ExperimentsError.interrupted
    }
  }

  /// How far an interleaved set is; past the least that was asked for, what it goes on for.
  private static func rate(_ count: Int, _ share: Double) -> String {
    share < 1
      ? "\(count) interleaved, \(Int((100 * share).rounded(.down))) % done"
      : "\(count) interleaved, going on for narrower intervals"
  }

  private func record(
    _ variant: Variant, _ samples: TimedSamples, _ clock: PassClock, _ provenance: Provenance
  ) throws {
    guard let pass = variant.pass else { return }
    let environment = provenance.environment(
      work.device, precision: work.precision, warm: clock.warmState)
    let cardMilliseconds = work.timing.l2 == .cold ? nil : clock.cardMilliseconds(pass)
    let notes =
      NoiseNotes.notes(on: samples.milliseconds)
      + NoiseNotes.notes(
        deviceMilliseconds: clock.deviceMilliseconds, wallMilliseconds: clock.wallMilliseconds)
      + (environment.gpu?.notes ?? [])
      + NoiseNotes.notes(
        from: provenance.stateBefore, to: MachineState.now(), cores: MachineFacts.current.cores,
        judgesLoad: samples.quality?.counters != .read)
    let median = Summary(samples.milliseconds)?.median ?? 0
    try context.record(
      .latency(
        variant.planned.trial,
        LatencyResult(
          samplesMilliseconds: samples.milliseconds, rounds: samples.rounds, notes: notes,
          peakMemoryBytes: variant.peakMemoryBytes,
          cost: pass.cost(of: variant.planned.method, isTimed: true),
          quality: samples.quality,
          cardMilliseconds: cardMilliseconds, kernels: kernels(of: pass, variant))),
      environment: environment,
      label: "\(activity), \(TrialLabel.short(variant.planned.trial.method))",
      rate: "\((median * 100).rounded() / 100) ms")
  }
}

extension LatencyRunner {
  /// How a point of a staircase was distributed over a GPU; `nil` if it is not known, and for rows
  /// that are not part of a staircase.
  private func kernels(of pass: PassRunner, _ variant: Variant) -> [KernelLaunch]? {
    guard work.purpose == .grid || variant.planned.isBaseline, let captured = pass.captured,
      !captured.kernels.isEmpty
    else { return nil }
    return captured.kernels
  }
}

extension PlannedLatency {
  /// Whether the speed-ups of a set are relative to it.
  fileprivate var isBaseline: Bool { TokenReductionRegistry.isBaseline(trial.method.name) }
}
