import Measurement
import Records

/// The records by what they measured: shards are merged, and repeated measurements count once.
struct JoinedRecords {
  struct AccuracyKey: Hashable {
    let model: ModelIdentity
    let weights: WeightsSetting?
    let method: MethodSetting
    let dataset: DatasetSetting
    let precision: String
  }

  struct LatencyKey: Hashable {
    let model: ModelIdentity
    var method: MethodSetting
    let device: DeviceSetting
    let batchSize: Int
    let precision: String
  }

  struct Timing {
    let key: String
    let setting: TimingSetting
    let result: LatencyResult
    let environment: Environment
    /// Why nothing should be concluded from it; empty if it is reliable.
    let flaws: [TimingFlaw]
    /// Whether it is a prediction, which has no samples.
    let isPredicted: Bool
    /// The number of different measurements of this setting; this is the latest.
    var measurements = 1

    /// Whether it has too few samples for a 95 % interval, as in a quick trial.
    var hasFewSamples: Bool {
      !isPredicted && result.samplesMilliseconds.count < Reliability.minSamplesJudged
    }

    /// Whether conclusions may be drawn from it.
    var isReliable: Bool { flaws.isEmpty && !hasFewSamples }

    /// The interleaved rounds to which the timing belongs.
    var rounds: Rounds { Rounds(host: environment.host, started: environment.started) }
  }

  /// One set of interleaved rounds, whose records have the same host and start.
  struct Rounds: Hashable {
    let host: String
    let started: String
  }

  /// The identity of a timing, for results that are computed once per timing.
  struct TimingID: Hashable {
    let key: LatencyKey
    let setting: TimingSetting
    let rounds: Rounds
  }

  private(set) var accuracies: [AccuracyKey: AccuracyTally] = [:]
  private(set) var latencies: [LatencyKey: Timing] = [:]
  /// All timings of the baseline, with any timing settings.
  private(set) var baselines: [LatencyKey: [Timing]] = [:]
  /// Timings of the grid's method by their timing settings.
  private(set) var grids: [LatencyKey: [TimingSetting: Timing]] = [:]
  /// Batch sizes of the accuracies that depend on the batch size; the latest is shown.
  private(set) var accuracyBatches: [AccuracyKey: Int] = [:]
  private(set) var failures: [Failure] = []
  /// The traits of methods that the records declare.
  let catalog: MethodCatalog

  init(_ records: [Record]) {
    var seen: Set<String> = []
    var failed: [(key: String, failure: Failure)] = []
    // Sorted by start, so that the result does not depend on the order of the files.
    let ordered = records.sorted {
      ($0.environment.started, $0.key, $0.environment.host)
        < ($1.environment.started, $1.key, $1.environment.host)
    }
    catalog = MethodCatalog(ordered)
    for record in ordered {
      switch record.measurement {
      case .accuracy(let trial, let result):
        guard seen.insert(record.key).inserted else { continue }
        let key = AccuracyKey(trial)
        if let batchSize = trial.batchSize, accuracyBatches[key] != batchSize {
          accuracyBatches[key] = batchSize
          accuracies[key] = nil
        }
        accuracies[key, default: AccuracyTally()].add(
          result, of: trial.firstImage..<(trial.firstImage + trial.imageCount))
      case .latency(let trial, let result):
        add(
          Timing(
            key: record.key, setting: trial.timing, result: result,
            environment: record.environment, flaws: result.flaws,
            isPredicted: trial.device.simulated != nil), for: LatencyKey(trial))
        seen.insert(record.key)
      case .failedAccuracy(let trial, let failure):
        failed.append((record.key, Failure(trial, failure)))
      case .failedLatency(let trial, let failure):
        failed.append((record.key, Failure(trial, failure)))
      }
    }
    var listed: Set<Failure> = []
    failures = failed.filter { !seen.contains($0.key) }.map(\.failure)
      .filter { listed.insert($0).inserted }
  }

  /// Keeps the more thorough of two measurements; of equally thorough ones the reliable one, then
  /// the later.
  ///
  /// A grid's quick timing must neither replace a row's thorough one nor add to its count.
  private mutating func add(_ timing: Timing, for key: LatencyKey) {
    var timing = timing
    if catalog.isAnyBaseline(key.method) { baselines[key, default: []].append(timing) }
    if catalog.isGrid(key.method) {
      let earlier = grids[key]?[timing.setting]
      if earlier == nil || earlier?.flaws.isEmpty == false || timing.flaws.isEmpty {
        grids[key, default: [:]][timing.setting] = timing
      }
    }
    if let earlier = latencies[key] {
      let effort = (timing.setting.minSeconds, timing.setting.minSamples)
      let earlierEffort = (earlier.setting.minSeconds, earlier.setting.minSamples)
      if effort < earlierEffort { return }
      if effort == earlierEffort, earlier.flaws.isEmpty, !timing.flaws.isEmpty { return }
      // A copy of the same record is not another measurement.
      let isCopy = earlier.result == timing.result && earlier.environment == timing.environment
      if effort == earlierEffort, earlier.flaws.isEmpty {
        timing.measurements = earlier.measurements + (isCopy ? 0 : 1)
      }
    }
    latencies[key] = timing
  }

  /// The timing of the baseline that a timing of `key` is compared with, and whether both are from
  /// the same rounds.
  ///
  /// Ratios are valid only within one set of rounds, because of drift between sets.
  func baseline(of key: LatencyKey) -> (timing: Timing, sharesRounds: Bool)? {
    catalog.baseline.flatMap { timing(of: $0, with: key) }
  }

  /// The timing of a baseline that a timing of `key` is compared with.
  func timing(
    of baseline: MethodSetting, with key: LatencyKey
  ) -> (timing: Timing, sharesRounds: Bool)? {
    var place = key
    place.method = baseline
    guard let latest = latencies[place] else { return nil }
    guard let mine = latencies[key] else { return (latest, false) }
    let same = baselines[place]?.last { $0.rounds == mine.rounds && $0.setting == mine.setting }
    return same.map { ($0, true) } ?? (latest, false)
  }

  /// All methods with a result, in the order of rows.
  var methods: [MethodSetting] {
    Set(accuracies.keys.map(\.method)).union(latencies.keys.map(\.method))
      .sorted(by: catalog.precedes)
  }
}

extension JoinedRecords.AccuracyKey {
  init(_ trial: AccuracyTrial) {
    self.init(
      model: ModelIdentity(trial.model), weights: trial.model.weights, method: trial.method,
      dataset: trial.dataset, precision: trial.precision)
  }
}

extension JoinedRecords.LatencyKey {
  init(_ trial: LatencyTrial) {
    self.init(
      model: ModelIdentity(trial.model), method: trial.method, device: trial.device,
      batchSize: trial.batchSize, precision: trial.precision)
  }
}

extension Failure {
  init(_ trial: AccuracyTrial, _ failure: FailureResult) {
    let images = "images \(trial.firstImage)…\(trial.firstImage + trial.imageCount - 1)"
    self.init(
      trial: "accuracy of \(trial.model.name), \(Self.text(trial.method)), "
        + "\(images) of \(trial.dataset.name)",
      message: failure.message)
  }

  init(_ trial: LatencyTrial, _ failure: FailureResult) {
    self.init(
      trial: "latency of \(trial.model.name), \(Self.text(trial.method)), "
        + "batch \(trial.batchSize) on \(trial.device.name)",
      message: failure.message)
  }

  private static func text(_ method: MethodSetting) -> String {
    let details = ParameterText(methods: [method]).text(for: method)
    return details.isEmpty ? method.name : "\(method.name) \(details)"
  }
}

extension JoinedRecords.Timing {
  func id(_ key: JoinedRecords.LatencyKey) -> JoinedRecords.TimingID {
    JoinedRecords.TimingID(key: key, setting: setting, rounds: rounds)
  }
}
