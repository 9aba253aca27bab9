import Measurement
import Records
import Support

/// Where a method is faster than the baseline: its speed-up by batch size and tokens removed.
package struct BreakEven: Sendable {
  /// One setting at one batch size.
  package struct Cell: Hashable, Sendable {
    package let batchSize: Int
    /// Tokens removed after the last block.
    package let removedTokens: Int
    package let method: MethodSetting
    package let speedup: Speedup
  }

  package let model: ModelIdentity
  package let device: DeviceSetting
  package let precision: String
  package let methodName: String
  /// Sorted by tokens removed, then batch size.
  package let cells: [Cell]

  package var batchSizes: [Int] { Set(cells.map(\.batchSize)).sorted() }
  package var removedTokens: [Int] { Set(cells.map(\.removedTokens)).sorted() }

  private struct Place: Hashable {
    let model: ModelIdentity
    let device: DeviceSetting
    let precision: String
  }

  /// One map per method that was timed at two or more batch sizes and settings.
  static func all(in joined: JoinedRecords) -> [BreakEven] {
    var maps: [Place: [String: [Cell]]] = [:]
    var medians: [JoinedRecords.TimingID: BootstrapMedians] = [:]
    func resampled(
      _ key: JoinedRecords.LatencyKey, _ timing: JoinedRecords.Timing
    ) -> BootstrapMedians? {
      let id = timing.id(key)
      if let known = medians[id] { return known }
      var generator = SplitMix64(seedText: timing.key)
      medians[id] = BootstrapMedians(
        samples: timing.result.samplesMilliseconds, rounds: timing.result.rounds, replicates: 400,
        using: &generator)
      return medians[id]
    }
    let timings = joined.latencies.sorted { joined.catalog.precedes($0.key.method, $1.key.method) }
    for (key, timing) in timings where !joined.catalog.isBaseline(key.method) {
      var place = key
      place.method = joined.catalog.baseline ?? key.method
      guard let baseline = joined.baseline(of: key)?.timing,
        // Points of a grid were timed together with each other, not with the baseline.
        timing.setting == baseline.setting,
        let left = timing.result.cost.tokensAfterBlocks.last, left < key.model.tokens,
        let mine = resampled(key, timing), let theirs = resampled(place, baseline),
        let speedup = Speedup(baseline, timing, theirs, mine), speedup.isReliable
      else { continue }
      let map = Place(model: key.model, device: key.device, precision: key.precision)
      maps[map, default: [:]][key.method.name, default: []].append(
        Cell(
          batchSize: key.batchSize, removedTokens: key.model.tokens - left, method: key.method,
          speedup: speedup))
    }
    return maps.flatMap { place, methods in
      methods.compactMap { name, cells in
        let map = BreakEven(
          model: place.model, device: place.device, precision: place.precision, methodName: name,
          cells: strongest(cells))
        return map.batchSizes.count > 1 && map.removedTokens.count > 1 ? map : nil
      }
    }.sorted {
      $0.order(in: joined.catalog).lexicographicallyPrecedes($1.order(in: joined.catalog))
    }
  }

  /// The fastest of several settings that remove the same number of tokens.
  private static func strongest(_ cells: [Cell]) -> [Cell] {
    var best: [[Int]: Cell] = [:]
    for cell in cells {
      let place = [cell.removedTokens, cell.batchSize]
      if best[place].map({ cell.speedup.ratio > $0.speedup.ratio }) ?? true { best[place] = cell }
    }
    return best.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }

  private func order(in catalog: MethodCatalog) -> [String] {
    let rank = String(catalog.order(of: methodName))
    let padded = String(repeating: "0", count: 20 - rank.count) + rank
    return [
      model.sortText, device.name, device.hardware, String(device.threads), precision,
      padded, methodName,
    ]
  }
}

extension Speedup {
  /// The ratio of two median latencies; `nil` if one is missing.
  init?(
    _ baseline: JoinedRecords.Timing?, _ timing: JoinedRecords.Timing?,
    _ baselineMedians: BootstrapMedians, _ medians: BootstrapMedians
  ) {
    guard let baseline, let timing, let reference = Summary(baseline.result.samplesMilliseconds),
      let mine = Summary(timing.result.samplesMilliseconds), mine.median > 0
    else { return nil }
    self.init(
      ratio: reference.median / mine.median, interval: baselineMedians.ratioInterval(to: medians),
      isReliable: baseline.isReliable && timing.isReliable)
  }
}
