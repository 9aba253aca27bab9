import Foundation
import Measurement
import Records
import Support
import VisionModels

/// Measures the trials of a plan that are not recorded yet.
package final class Runner {
  private let planner: Planner
  private let store: RecordStore
  private let only: String?
  private let share: Share?
  private let context: RunContext
  /// Whether no search can continue.
  private var isSearchOver = false

  /// - Parameters:
  ///   - only: A pattern for `TrialLabel`; other trials are not measured.
  ///   - share: The part of the trials to measure; `nil` for all.
  ///   - shouldStop: Called between batches.
  package init(
    planner: Planner, store: RecordStore, only: String? = nil, share: Share? = nil,
    listener: any ProgressListener,
    machineLock: MachineLock = MachineLock(), stopwatch: any Stopwatch = MonotonicStopwatch(),
    counters: any CounterSource = ProcCounters(),
    shouldStop: @escaping () -> Bool = { StopSignal.isRequested }
  ) {
    self.planner = planner
    self.store = store
    self.only = only
    self.share = share
    context = RunContext(
      store: store, listener: listener, machineLock: machineLock, stopwatch: stopwatch,
      counters: counters, shouldStop: shouldStop)
    context.planMayGrow =
      planner.spec.accuracy.until != nil || planner.spec.matchedDrop != nil
  }

  /// Trials that this run has measured so far.
  package var measured: Int { context.measured }

  /// Unfinished timings when the run was stopped.
  package var lost: LostTimings { context.lost }

  /// Whether a trial need not be measured by this run.
  package func isRecorded(_ key: String) -> Bool { context.result(key) != nil }

  /// The timings of a plan from earlier runs that were not reliable.
  package func doubtful(_ plan: Plan) -> Int {
    Set((plan.latency + plan.waiting).flatMap { $0.trials.map(\.key) })
      .count { store.result($0).map(context.isDoubtful) == true }
  }

  /// The plan as far as it is known, without the trials that `only` excludes.
  package func plan() throws -> Plan {
    let plan = try wholePlan()
    context.ours = share.map { Division(plan, count: $0.count).keys(of: $0) }
    return plan
  }

  private func wholePlan() throws -> Plan {
    var plan = try planner.plan(
      result: context.result, givenUp: context.givenUp, records: store.records)
    guard let only else { return plan }
    plan.accuracy = plan.accuracy.map { work in
      work.keeping { TrialLabel.matches(TrialLabel.text($0), pattern: only) }
    }
    func kept(_ work: LatencyWork) -> LatencyWork {
      work.keeping { TrialLabel.matches(TrialLabel.text($0), pattern: only) }
    }
    let all = plan
    plan.latency = plan.latency.map(kept)
    plan.waiting = plan.waiting.map(kept)
    guard !plan.keys.isEmpty || all.keys.isEmpty else {
      let example =
        all.accuracy.first?.trials.first.map { TrialLabel.text($0.trial) }
        ?? (all.latency + all.waiting).first?.trials.first.map { TrialLabel.text($0.trial) }
      throw ExperimentsError.impossible(
        subject: "--only",
        message:
          "no trial is named '\(only)'; names look like '\(example ?? "")', and * stands for "
          + "any text")
    }
    return plan
  }

  /// Determines the speed of each model on each device, from records or from a few passes.
  ///
  /// - Throws: Errors of weights that do not fit their model.
  package func calibrate(_ plan: Plan) throws {
    for record in store.records { learn(from: record, plan) }
    let places =
      (plan.latency + plan.waiting).map { ($0.model, $0.device, $0.precision) }
      + plan.accuracy.map { ($0.model, $0.device, $0.precision) }
    for (model, device, precision) in places
    where device.simulation == nil && !context.estimate.knows(model, device) {
      do {
        try calibrate(model, device, precision)
      } catch  where device.backend.capturesPasses {
        // A GPU that fails makes its trials fail, each with its record; the rest of the plan runs.
        continue
      }
    }
  }

  private func calibrate(
    _ model: PlannedModel, _ device: PlannedDevice, _ precision: String
  ) throws {
    let pass = try context.pool.pass(
      model, on: device, try model.unreduced(), batchSize: 1, precision: precision)
    pass.run()
    try pass.model.backend.check()
    let seconds = bestSeconds(threads: device.setting.threads) {
      pass.run()
      device.backend.synchronize()
    }
    try pass.model.backend.check()
    context.estimate.learn(model, device, macs: Double(pass.macs), seconds: seconds)
  }

  /// The shortest of several runs, by wall time or by CPU time per thread.
  ///
  /// On a busy machine, nine of ten passes wait for another program, and the estimate would be
  /// hours instead of minutes: the shortest pass waited least, and CPU time excludes what others
  /// took. For a GPU, without threads, only wall time is used.
  private func bestSeconds(threads: Int, _ run: () -> Void) -> Double {
    let started = context.stopwatch.now
    var best = Double.infinity
    for attempt in 1...Self.calibrationPasses.max {
      let start = context.stopwatch.now
      let processorStart = ProcessorTime.seconds
      run()
      best = min(best, (context.stopwatch.now - start).inSeconds)
      let processor = ProcessorTime.seconds - processorStart
      if processor > 0, threads > 0 { best = min(best, processor / Double(threads)) }
      let spent = (context.stopwatch.now - started).inSeconds
      if attempt >= Self.calibrationPasses.min, spent >= Self.calibrationSeconds { break }
    }
    return best
  }

  private static let calibrationPasses = (min: 3, max: 60)
  private static let calibrationSeconds = 0.3

  private func learn(from record: Record, _ plan: Plan) {
    guard case .latency(let trial, let result) = record.measurement,
      let quartile = Summary(result.samplesMilliseconds)?.lowerQuartile,
      let work = plan.latency.first(where: {
        $0.device.setting == trial.device && $0.model.timedSetting == trial.model
      })
    else { return }
    context.estimate.learn(
      work.model, work.device, macs: Double(result.cost.macs) * Double(trial.batchSize),
      seconds: quartile / 1e3)
  }

  /// Expected seconds of the open trials of a plan.
  package func expectedSeconds(_ plan: Plan) -> Double {
    openTrials(plan).reduce(0) { $0 + $1.seconds }
  }

  /// The trials of a plan that are not recorded, without duplicates.
  package func openTrials(_ plan: Plan) -> [(key: String, seconds: Double)] {
    var seen: Set<String> = []
    var open: [(key: String, seconds: Double)] = []
    for work in plan.latency + plan.waiting {
      for trial in work.trials where context.isOpen(trial.key) && seen.insert(trial.key).inserted {
        open.append((trial.key, context.estimate.seconds(work, trial.method)))
      }
    }
    for work in plan.accuracy {
      for trial in work.trials where context.isOpen(trial.key) && seen.insert(trial.key).inserted {
        let images = trial.trial.imageCount
        open.append(
          (trial.key, context.estimate.seconds(work, trial.method, images: images)))
      }
    }
    return open
  }

  /// Measures all open trials, and those that follow from the grids.
  ///
  /// - Throws: `ExperimentsError.interrupted`, `.badImage`, `.recordNotStored`, `.heldByStopped`;
  ///   failed trials are in the summary instead.
  package func run() throws -> RunSummary {
    while true {
      try context.checkStop()
      var plan = try self.plan()
      if isSearchOver {
        plan.latency += plan.waiting
        plan.waiting = []
      }
      if !openTrials(plan).isEmpty { try calibrate(plan) }
      context.expect(openTrials(plan))
      var ready = plan
      ready.waiting = []
      let open = openTrials(ready)
      guard !open.isEmpty else {
        // What still waits cannot be chosen, because its grid is excluded or belongs to another
        // share.
        if share != nil || plan.waiting.isEmpty { return summary(plan) }
        isSearchOver = true
        continue
      }
      var didSomething = false
      for work in plan.latency {
        if let simulation = work.device.simulation {
          let predicted = SimulatedLatencies(work: work, simulation: simulation, context: context)
          if try predicted.run() { didSomething = true }
          continue
        }
        let runner = LatencyRunner(work: work, seed: planner.spec.seed, context: context)
        if try runner.run() { didSomething = true }
      }
      for work in plan.accuracy {
        let runner = AccuracyRunner(
          work: work, skipsBadImages: planner.spec.skipsBadImages, context: context)
        if try runner.run() { didSomething = true }
      }
      if !didSomething { try waitForOthers(open.map(\.key)) }
    }
  }

  /// All open trials are claimed by other processes: waits until one of them finishes or dies.
  private func waitForOthers(_ keys: [String]) throws {
    context.listener.note(
      "\(counted(keys.count, "trial is", "trials are")) being measured by other processes")
    var holders = StoppedHolders()
    while keys.allSatisfy(context.isOpen) {
      try holders.check(store.claims.paths(keys))
      try context.checkStop()
      _ = context.idle { usleep(200_000) }
      try store.refresh()
      context.countOthers()
      for key in keys where context.isOpen(key) {
        if try store.claims.take(key) != nil { return }
      }
    }
  }

  /// Data sets without any readable image: accuracy on no image is a failure.
  private func unreadableDatasets(_ plan: Plan) -> [RunFailure] {
    var failures: [RunFailure] = []
    for work in plan.accuracy {
      for method in work.methods {
        let results = method.trials.map { trial -> AccuracyResult? in
          guard case .accuracy(_, let result)? = store.result(trial.key)?.measurement else {
            return nil
          }
          return result
        }
        guard !results.isEmpty, results.allSatisfy({ $0?.labels.isEmpty == true }) else { continue }
        let skipped = results.compactMap(\.?.skipped.first).first
        let failure = RunFailure(
          label: "accuracy on \(work.dataset.images.name)",
          message: "none of the \(counted(work.dataset.images.count, "picture")) could be read"
            + (skipped.map { "; the first: \($0.path) \($0.reason)" } ?? ""))
        if !failures.contains(failure) { failures.append(failure) }
      }
    }
    return failures
  }

  private func summary(_ plan: Plan) -> RunSummary {
    RunSummary(
      rows: plan.rows, pending: plan.pending, unmet: plan.unmet,
      elsewhere: plan.elsewhere, measured: context.measured,
      failures: context.failures + unreadableDatasets(plan)
        + plan.unavailable.map {
          RunFailure(label: "every trial on \($0.device)", message: $0.reason)
        }
    )
  }
}

/// The outcome of a run.
package struct RunSummary {
  /// The lines of the report.
  package let rows: [PlannedRow]
  /// Rows whose R could not be chosen.
  package let pending: [PendingSearch]
  /// Rows that cannot be measured as requested, one sentence each.
  package let unmet: [String]
  /// Labels of timings that another machine still has to take.
  package let elsewhere: [String]
  /// Trials that this run measured.
  package let measured: Int
  package let failures: [RunFailure]
}
