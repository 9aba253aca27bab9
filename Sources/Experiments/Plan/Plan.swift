import Records

/// Every trial of a spec, with nothing left to default.
package struct Plan {
  package var accuracy: [AccuracyWork] = []
  package var latency: [LatencyWork] = []
  /// Timings that wait until R is chosen, so that all methods of a table are interleaved with their
  /// baseline.
  package var waiting: [LatencyWork] = []
  /// The lines of the report, in the spec's order, as far as their R is known.
  package var rows: [PlannedRow] = []
  /// What waits for a grid.
  package var pending: [PendingSearch] = []
  /// Methods of races that have not stopped: more batches follow.
  package var racing = 0
  /// Tables whose settings within a drop of accuracy are being sought.
  package var matching = 0
  /// Timings of rows that another machine has yet to take, a label each.
  package var elsewhere: [String] = []
  /// Rows that cannot be as asked, a sentence each.
  package var unmet: [String] = []
  /// Devices that would not open, with a sentence each.
  package var unavailable: [(device: String, reason: String)] = []

  /// Keys of all trials, each once.
  package var keys: Set<String> {
    Set(
      accuracy.flatMap { $0.trials.map(\.key) }
        + (latency + waiting).flatMap { $0.trials.map(\.key) })
  }
}

/// Rows whose R is chosen once the grids are measured.
package struct PendingSearch {
  package let model: PlannedModel
  package let device: DeviceSetting
  package let precision: String
  package let batchSize: Int
  package let choices: [MethodChoice]
  /// Grid trials that are not recorded yet.
  package let missing: Int
}
