import Foundation

/// Irregularities in a series of timings that a reader should know: marked, never hidden and never
/// removed.
///
/// A median over interleaved rounds tolerates outliers and some drift, and its interval shows the
/// rest; nobody would read notes on every row.
package enum NoiseNotes {
  /// The allowed relative difference of the medians of the first and the last third.
  package static let drift = 0.2
  /// The allowed relative change of a clock rate.
  package static let clockChange = 0.1

  /// Notes on `samples` (milliseconds, in the order taken), whole sentences without a full stop.
  package static func notes(on samples: [Double]) -> [String] {
    guard samples.allSatisfy(\.isFinite) else { return [] }
    var notes: [String] = []
    let third = samples.count / 3
    if third >= 3, let first = Summary(Array(samples.prefix(third))),
      let last = Summary(Array(samples.suffix(third)))
    {
      let change = last.median / first.median - 1
      if abs(change) > drift {
        let percent = rounded(abs(change) * 100)
        notes.append(
          "the last third is \(percent) % \(change > 0 ? "slower" : "faster") than the first")
      }
    }
    return notes
  }

  /// Notes on the machine's state from `before` to `after` a measurement.
  ///
  /// - Parameter judgesLoad: Whether only the load average shows what else ran.
  package static func notes(
    from before: MachineState, to after: MachineState, cores: Int, judgesLoad: Bool = true
  ) -> [String] {
    var notes: [String] = []
    if judgesLoad, let load = after.loadAverage, load > Double(cores) + 0.5 {
      notes.append("the load average was \(rounded(load)) on \(cores) cores")
    }
    if let first = before.clocksMHz.max(), let last = after.clocksMHz.max(), first > 0,
      abs(last / first - 1) > clockChange
    {
      notes.append("the clock went from \(Int(first)) to \(Int(last)) MHz")
    }
    return notes
  }

  /// Notes on timings by a device's own clock, next to the stopwatch's of the same passes.
  ///
  /// Starting a pass and waiting for it takes some hundredths of a millisecond, so only a larger
  /// difference gets a note.
  package static func notes(deviceMilliseconds: [Double], wallMilliseconds: [Double]) -> [String] {
    guard let device = Summary(deviceMilliseconds)?.median,
      let wall = Summary(wallMilliseconds)?.median
    else { return [] }
    let text = { (value: Double) in
      String(format: "%.4g", locale: Locale(identifier: "en_US_POSIX"), value)
    }
    guard wall < device || wall > device * 1.1 + 0.05 else { return [] }
    return [
      "the device's clock says \(text(device)) ms and the stopwatch \(text(wall)) ms: "
        + (wall < device ? "they disagree" : "the rest is starting the pass and waiting for it")
    ]
  }

  private static func rounded(_ value: Double) -> String {
    String(format: "%.1f", locale: Locale(identifier: "en_US_POSIX"), value)
  }
}
