import Measurement
import Records

/// Median latency against the number of tokens: one model on one device at one batch size.
///
/// It is read from latency records of `random`, which removes tokens before the first block, so
/// that every block sees the same number of tokens.
package struct Staircase: Sendable {
  /// One measured token count.
  package struct Point: Hashable, Sendable {
    /// Tokens in every block, prefix included.
    package let tokens: Int
    /// Milliseconds a batch.
    package let milliseconds: Summary
  }

  /// Fewer token counts than this are a comparison of methods, not a grid.
  package static let fewestPoints = 4

  package let model: ModelIdentity
  package let device: DeviceSetting
  package let batchSize: Int
  package let precision: String
  /// By rising token count.
  package let points: [Point]

  /// The staircases in `joined`, ordered by model, device and batch size.
  static func all(in joined: JoinedRecords) -> [Staircase] {
    var grids: [JoinedRecords.LatencyKey: [Int: Summary]] = [:]
    // Sorted, so that of several seeds at one token count the same is drawn every time.
    let timings = joined.latencies.sorted { RowOrder.precedes($0.key.method, $1.key.method) }
    for (key, timing) in timings where key.method.name == gridMethod {
      guard let tokens = timing.result.cost.tokensAfterBlocks.first,
        let summary = Summary(timing.result.samplesMilliseconds)
      else { continue }
      grids[key.place, default: [:]][tokens, default: summary] = summary
    }
    for (key, timing) in timings where key.method.name == baselineMethod {
      guard grids[key.place] != nil, grids[key.place]?[key.model.tokens] == nil,
        let summary = Summary(timing.result.samplesMilliseconds)
      else { continue }
      grids[key.place]?[key.model.tokens] = summary
    }
    return grids.filter { $0.value.count >= fewestPoints }.map { key, points in
      Staircase(
        model: key.model, device: key.device, batchSize: key.batchSize, precision: key.precision,
        points: points.map { Point(tokens: $0.key, milliseconds: $0.value) }
          .sorted { $0.tokens < $1.tokens })
    }.sorted { $0.order.lexicographicallyPrecedes($1.order) }
  }

  private var order: [String] {
    let batch = String(batchSize)
    let padded = String(repeating: "0", count: max(0, 9 - batch.count)) + batch
    return [
      model.name, String(describing: model.architecture.sorted { $0.key < $1.key }), device.name,
      device.hardware, String(device.threads), precision, padded,
    ]
  }
}

/// The method whose records at many r are the grid.
let gridMethod = "random"

extension JoinedRecords.LatencyKey {
  /// The same place with no method's parameters: what the points of one grid share.
  fileprivate var place: Self {
    Self(
      model: model, method: MethodSetting(name: gridMethod, parameters: [:]), device: device,
      batchSize: batchSize, precision: precision)
  }
}
