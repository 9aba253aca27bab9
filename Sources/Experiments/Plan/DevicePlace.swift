import Measurement
import Records

/// A device on which a plan measures latency.
enum DevicePlace {
  case here(PlannedDevice)
  /// A device of another machine, on which nothing can be measured here.
  case recorded(DeviceSetting)
  /// A device of the spec that could not be opened, with its error; the others are measured.
  case unavailable(DeviceSetting, reason: String)

  var setting: DeviceSetting {
    switch self {
    case .here(let device): device.setting
    case .recorded(let setting), .unavailable(let setting, _): setting
    }
  }
}

extension DevicePlace {
  var isUnavailable: Bool { if case .unavailable = self { true } else { false } }
}

extension [DevicePlace] {
  /// Whether everything can be measured on this machine.
  var isHereOnly: Bool {
    allSatisfy { if case .here = $0 { true } else { false } }
  }
}

/// The reliable median latencies of other machines' devices, with any timing settings.
struct RecordedTimings {
  private struct Place: Hashable {
    let model: ModelSetting
    let device: DeviceSetting
    let precision: String
    let batchSize: Int
  }
  private struct Timing {
    let timing: TimingSetting
    let median: Double
    /// The number of tokens after the first block.
    let tokens: Int?
  }
  private var byPlace: [Place: [MethodSetting: Timing]] = [:]

  init(_ records: [Record]) {
    for record in records {
      guard case .latency(let trial, let result) = record.measurement,
        let median = Summary(result.samplesMilliseconds)?.median, result.isReliable
      else { continue }
      let place = Place(
        model: trial.model, device: trial.device, precision: trial.precision,
        batchSize: trial.batchSize)
      let found = byPlace[place]?[trial.method]
      // The more thorough of two timings.
      if let found, found.timing.minSeconds > trial.timing.minSeconds { continue }
      byPlace[place, default: [:]][trial.method] = Timing(
        timing: trial.timing, median: median, tokens: result.cost.tokensAfterBlocks.first)
    }
  }

  /// The median of a trial in milliseconds, measured with any timing.
  func median(_ trial: LatencyTrial) -> Double? { timings(trial)[trial.method]?.median }

  /// The medians of random removal by token count, prefix included, in the configuration of a
  /// trial.
  func grid(_ trial: LatencyTrial) -> [Int: Double] {
    var grid: [Int: Double] = [:]
    for (method, timing) in timings(trial) where SearchGrid.isPoint(method) {
      if let tokens = timing.tokens { grid[tokens] = timing.median }
    }
    return grid
  }

  private func timings(_ trial: LatencyTrial) -> [MethodSetting: Timing] {
    byPlace[
      Place(
        model: trial.model, device: trial.device, precision: trial.precision,
        batchSize: trial.batchSize)] ?? [:]
  }
}
