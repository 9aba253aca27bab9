import Foundation
import Measurement
import Records

/// The shared state of a run: the record store, the progress listener, the failures.
final class RunContext {
  let store: RecordStore
  let listener: any ProgressListener
  let pool = ModelPool()
  let machineLock: MachineLock
  let stopwatch: any Stopwatch
  let shouldStop: () -> Bool
  let counters: any CounterSource
  /// Cached results of `isDoubtful`, which may have to resample.
  private var doubts: [String: (started: String, isDoubtful: Bool)] = [:]
  /// When this run began, in the format of records: unreliable timings of earlier runs are
  /// repeated.
  private let begun = Provenance.text(Date())
  /// The trials that this process may measure; `nil` for all.
  var ours: Set<String>?
  /// The timings of a set that was interrupted, and how long they had taken.
  var lost = LostTimings(count: 0, seconds: 0)
  /// Whether methods share the blocks that they compute identically.
  var sharesBlocks = true
  /// Whether results decide if further trials follow, as in a race.
  var planMayGrow = false
  var estimate = CostEstimate()
  var meter = ProgressMeter(trials: 0, expectedSeconds: 0)
  /// The keys of trials that failed in this run, which are not tried again.
  private(set) var givenUp: Set<String> = []
  private(set) var failures: [RunFailure] = []
  private(set) var measured = 0
  /// The expected seconds of every unfinished trial that the progress meter knows.
  private var expected: [String: Double] = [:]
  private var known: Set<String> = []
  private let started: Duration
  private var idleSeconds = 0.0

  init(
    store: RecordStore, listener: any ProgressListener, machineLock: MachineLock,
    stopwatch: any Stopwatch, counters: any CounterSource, shouldStop: @escaping () -> Bool
  ) {
    self.store = store
    self.listener = listener
    self.machineLock = machineLock
    self.stopwatch = stopwatch
    self.counters = counters
    self.shouldStop = shouldStop
    started = stopwatch.now
  }

  /// Whether a trial still has to be measured by this process or one that shares its work.
  func isOpen(_ key: String) -> Bool {
    ours?.contains(key) != false && result(key) == nil && !givenUp.contains(key)
  }

  /// The result of a trial; `nil` if it is an unreliable timing of an earlier run.
  ///
  /// The same command then repeats it on a quieter machine; within one run, nothing is tried twice.
  func result(_ key: String) -> Record? {
    guard let record = store.result(key) else { return nil }
    return isDoubtful(record) ? nil : record
  }

  /// Whether a record is an unreliable timing of an earlier run.
  func isDoubtful(_ record: Record) -> Bool {
    guard case .latency(_, let result) = record.measurement, record.environment.started < begun
    else { return false }
    if let known = doubts[record.key], known.started == record.environment.started {
      return known.isDoubtful
    }
    let isDoubtful = !result.isReliable
    doubts[record.key] = (record.environment.started, isDoubtful)
    return isDoubtful
  }

  /// Informs the meter of trials that it does not know yet.
  func expect(_ trials: [(key: String, seconds: Double)]) {
    let new = trials.filter { known.insert($0.key).inserted }
    for trial in new { expected[trial.key] = trial.seconds }
    meter.add(trials: new.count, expectedSeconds: new.reduce(0) { $0 + $1.seconds })
  }

  /// Informs the meter of trials that other processes have finished.
  func countOthers() {
    for (key, seconds) in expected where result(key) != nil {
      expected[key] = nil
      meter.finish(expectedSeconds: seconds, elsewhere: true)
    }
  }

  /// Informs the meter that a trial of ours has ended; `false` for one that is timed again together
  /// with others.
  @discardableResult
  private func finish(_ key: String) -> Bool {
    guard let seconds = expected.removeValue(forKey: key) else { return false }
    meter.finish(expectedSeconds: seconds)
    return true
  }

  /// Throws if the user asked to stop.
  func checkStop() throws { if shouldStop() { throw ExperimentsError.interrupted } }

  /// Stores a result and informs the listener.
  func record(
    _ measurement: Record.Measurement, environment: Environment, label: String, rate: String
  ) throws {
    try store.append(measurement, environment: environment)
    if finish(RecordLine.key(of: measurement)) { measured += 1 }
    report(label, rate: rate, isMilestone: true)
  }

  /// Stores a failure; the run continues.
  func recordFailure(
    _ error: any Error, key: String, label: String, environment: Environment,
    _ measurement: (FailureResult) -> Record.Measurement
  ) throws {
    let message = String(describing: error)
    try store.append(measurement(FailureResult(message: message)), environment: environment)
    givenUp.insert(key)
    failures.append(RunFailure(label: label, message: message))
    finish(key)
    listener.note("failed: \(label): \(message)")
  }

  func report(_ activity: String, rate: String, isMilestone: Bool = false) {
    listener.advanced(
      RunProgress(
        activity: activity, rate: rate, trialsDone: meter.trialsDone,
        trialsTotal: meter.trialsTotal, mayGrow: planMayGrow,
        secondsLeft: meter.secondsLeft(
          elapsed: (stopwatch.now - started).inSeconds - idleSeconds),
        share: meter.share, isMilestone: isMilestone))
  }

  /// Locks the machine, exclusively for timing or shared for computing.
  func takeMachine(alone: Bool) throws -> FileLock? {
    try idle {
      try machineLock.take(
        alone: alone, shouldStop: shouldStop,
        waiting: { [listener] in
          listener.note(
            alone
              ? "waits for another lab process on this machine, so that timings are undisturbed"
              : "waits while another lab process on this machine takes timings")
        })
    }
  }

  /// Runs something that only waits; its time is excluded from the speed estimate.
  func idle<Value>(_ wait: () throws -> Value) rethrows -> Value {
    let start = stopwatch.now
    defer { idleSeconds += (stopwatch.now - start).inSeconds }
    return try wait()
  }

  /// The claims of those trials that are open and not held by another process.
  ///
  /// Reads first what other processes have finished, so that nothing is done twice.
  func claim(_ keys: [String]) throws -> [String: FileLock] {
    var claims: [String: FileLock] = [:]
    for key in keys where isOpen(key) { claims[key] = try store.claims.take(key) }
    if !claims.isEmpty { try store.refresh() }
    countOthers()
    return claims.filter { isOpen($0.key) }
  }
}

/// Timings without a result because of an interruption.
package struct LostTimings: Hashable, Sendable {
  package let count: Int
  /// How long they had taken.
  package let seconds: Double
}

/// A trial that failed in a run.
package struct RunFailure: Hashable, Sendable {
  package let label: String
  package let message: String
}
