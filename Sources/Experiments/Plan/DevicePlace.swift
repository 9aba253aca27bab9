import Measurement
import Records

/// A device whose latency a plan asks for.
enum DevicePlace {
  case here(PlannedDevice)
  /// One of another machine: nothing can be measured on it here.
  case recorded(DeviceSetting)
  /// One that the spec names and that would not open, with what it said; the others are measured.
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

/// Median latencies of other machines' devices, whatever their timing was set to, as far as they
/// are reliable.
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
    /// Tokens that leave the first block.
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
      // Of two timings the more thorough.
      if let found, found.timing.minSeconds > trial.timing.minSeconds { continue }
      byPlace[place, default: [:]][trial.method] = Timing(
        timing: trial.timing, median: median, tokens: result.cost.tokensAfterBlocks.first)
    }
  }

  /// The median of a trial in milliseconds, measured with any timing.
  func median(_ trial: LatencyTrial) -> Double? { timings(trial)[trial.method]?.median }

  /// Medians of random removal by token count, prefix included, at the place of a trial.
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
