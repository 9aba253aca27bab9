import Experiments
import Foundation
import Measurement
import Reporting
import Support
import Tensors
import TokenReduction
import VisionModels

/// `lab profile --ops`: the time of one forward pass by operation.
struct OperationProfile {
  /// One kind of operation in a pass.
  struct Row {
    let kind: OperationKind
    let calls: Int
    let seconds: Double
    let cost: OperationCost
  }

  let rows: [Row]
  let bounds: DeviceBounds
  /// The time of the whole pass without timing inside it.
  let passSeconds: Double
  let title: String
  let batchSize: Int
  /// The same, in the form that is stored.
  let breakdown: OperationBreakdown

  /// Runs passes of the first model, method, device and batch size of a spec until `minSeconds` and
  /// `minSamples` are reached.
  ///
  /// - Throws: Those of `Planner`, of weights and of memory; `ExperimentsError.impossible` where
  ///   only a run can choose r.
  init(_ spec: Spec, minSeconds: Double, minSamples: Int) throws {
    let planner = try Planner(spec, site: .here())
    let predictor = try Predictor(planner)
    let (planned, method, device) = (predictor.model, predictor.method, planner.devices[0])
    let backend = try device.backend(precision: spec.precisions.first ?? "float32")
    let stopwatch = MonotonicStopwatch()
    let timing = TimingBackend(backend) { stopwatch.now }
    func makePass(_ backend: any Backend) throws -> PassRunner {
      let entry = planned.choice.entry
      let model = try entry.architecture.load(
        name: planned.setting.name, weights: planned.weights, backend: backend)
      let pass = try PassRunner(
        model: model,
        composition: method.composition, batchSize: spec.batchSizes[0])
      var generator = SplitMix64(seed: 0)
      for index in pass.input.indices {
        pass.input[index] = Float(generator.next() >> 40) / Float(1 << 23) - 1
      }
      return pass
    }
    bounds = try DeviceBounds(of: backend, stopwatch: stopwatch)
    let (plain, timed) = (try makePass(backend), try makePass(timing))
    plain.run()
    timed.run()
    try backend.check()
    try LogitsNotFinite.check(
      plain.logits, images: plain.batchSize, model: planned.setting.name
    ) { "image \($0) of the noise that is timed" }
    var passes: [Double] = []
    var totals: [[OperationKind: TimingBackend.Total]] = []
    let start = stopwatch.now
    while totals.count < minSamples || (stopwatch.now - start).inSeconds < minSeconds {
      let begin = stopwatch.now
      plain.run()
      passes.append((stopwatch.now - begin).inSeconds)
      timing.reset()
      timed.run()
      totals.append(timing.totals)
    }
    passSeconds = Summary(passes)?.median ?? 0
    rows = OperationKind.allCases.compactMap { kind in
      let all = totals.compactMap { $0[kind] }
      guard let first = all.first, let time = Summary(all.map { $0.time.inSeconds })
      else { return nil }
      return Row(kind: kind, calls: first.calls, seconds: time.median, cost: first.cost)
    }
    batchSize = spec.batchSizes[0]
    breakdown = OperationBreakdown(
      model: planned.setting.name, method: TrialLabel.short(method.setting),
      device: "\(device.setting.name): \(backend.hardware), "
        + "\(counted(backend.threads, "thread")), \(backend.libraryDescription)",
      batchSize: spec.batchSizes[0], precision: spec.precisions.first ?? "float32",
      passMilliseconds: passSeconds * 1e3,
      parts: rows.map { [bounds] row in
        OperationBreakdown.Part(
          kind: row.kind.rawValue, calls: row.calls, milliseconds: row.seconds * 1e3,
          flops: row.cost.flops, bytes: row.cost.bytes,
          isMemoryBound: bounds.isMemoryBound(row.cost)
        )
      }, measured: Date().formatted(.iso8601))
    title =
      "\(planned.setting.name), \(TrialLabel.short(method.setting)), batch \(spec.batchSizes[0]) on "
      + "\(device.setting.name): \(backend.hardware), \(backend.threads) threads, "
      + "\(backend.libraryDescription); the medians of \(totals.count) passes"
  }

  private var sum: Double { rows.map(\.seconds).reduce(0, +) }

  /// The table with the lines above and below it.
  var text: String {
    let table = TextTable(
      header: ["operation", "calls", "ms", "share", "GFLOP/s", "GB/s", "bound by", "of the bound"],
      alignments: [.leading] + [Column.Alignment](repeating: .trailing, count: 5)
        + [.leading, .trailing],
      rows: rows.map(cells))
    let flops = rows.reduce(0) { $0 + $1.cost.flops }
    let reduction = rows.filter(\.kind.isReduction).map(\.seconds).reduce(0, +)
    var lines = [title, ""] + table.lines() + [""]
    lines.append(
      String(
        format:
          "The operations take %.2f ms, a pass without timing inside it %.2f ms (%.0f GFLOP/s).",
        sum * 1e3, passSeconds * 1e3, Double(flops) / passSeconds / 1e9))
    if reduction > 0 {
      lines.append(
        String(
          format: "Token reduction itself takes %.2f %% of the operations' time.",
          100 * reduction / sum))
    }
    lines.append(
      String(
        format:
          "Measured here: %.0f GFLOP/s in a large product, %.1f GB/s in a large copy; "
          + "below %.1f FLOPs a byte an operation is bound by memory.",
        bounds.flopsPerSecond / 1e9, bounds.bytesPerSecond / 1e9, bounds.balance))
    let bound = rows.filter { bounds.isMemoryBound($0.cost) }.map(\.seconds).reduce(0, +)
    let bytes = rows.reduce(0) { $0 + $1.cost.bytes } / batchSize
    lines.append(
      String(
        format:
          "Operations that are bound by memory take %.1f %% of the operations' time; "
          + "an image moves %.1f MB at least.",
        100 * bound / sum, Double(bytes) / 1e6))
    lines.append(
      "Bytes are inputs, weights and outputs once each: what is still in a cache is faster than its bound."
    )
    return lines.joined(separator: "\n")
  }

  private func cells(_ row: Row) -> [String] {
    let cost = row.cost
    let minimum = bounds.minSeconds(cost)
    return [
      row.kind.rawValue, "\(row.calls)", String(format: "%.3f", row.seconds * 1e3),
      String(format: "%.1f %%", 100 * row.seconds / sum),
      cost.flops > 0 ? String(format: "%.1f", Double(cost.flops) / row.seconds / 1e9) : "–",
      String(format: "%.1f", Double(cost.bytes) / row.seconds / 1e9),
      bounds.isMemoryBound(cost) ? "memory" : "arithmetic",
      String(format: "%.0f %%", 100 * minimum / row.seconds),
    ]
  }
}
