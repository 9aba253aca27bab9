import Records

/// The records by what they measured: shards summed, repeats counted once.
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
    let method: MethodSetting
    let device: DeviceSetting
    let batchSize: Int
    let precision: String
  }

  struct Timing {
    let key: String
    let result: LatencyResult
    let environment: Environment
    /// How many different measurements there are; this is the latest.
    var measurements = 1
  }

  private(set) var accuracies: [AccuracyKey: AccuracyTally] = [:]
  private(set) var latencies: [LatencyKey: Timing] = [:]
  private(set) var failures: [Failure] = []

  init(_ records: [Record]) {
    var seen: Set<String> = []
    var failed: [(key: String, failure: Failure)] = []
    // By start, so that the outcome does not depend on how files were read.
    let ordered = records.sorted {
      ($0.environment.started, $0.key, $0.environment.host)
        < ($1.environment.started, $1.key, $1.environment.host)
    }
    for record in ordered {
      switch record.measurement {
      case .accuracy(let trial, let result):
        guard seen.insert(record.key).inserted else { continue }
        accuracies[AccuracyKey(trial), default: AccuracyTally()].add(result)
      case .latency(let trial, let result):
        let key = LatencyKey(trial)
        var timing = Timing(key: record.key, result: result, environment: record.environment)
        if let earlier = latencies[key] {
          // The same line, copied, is one measurement.
          let isCopy = earlier.result == result && earlier.environment == record.environment
          timing.measurements = earlier.measurements + (isCopy ? 0 : 1)
        }
        seen.insert(record.key)
        latencies[key] = timing
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

  /// Every method with a result, each once, in the order of rows.
  var methods: [MethodSetting] {
    Set(accuracies.keys.map(\.method)).union(latencies.keys.map(\.method))
      .sorted(by: RowOrder.precedes)
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
