import Records

/// Every trial of a spec, with all defaults filled in.
package struct Plan {
  package var accuracy: [AccuracyWork] = []
  package var latency: [LatencyWork] = []
  /// Timings that wait until R is chosen, so that all methods of a table are interleaved with their
  /// baseline.
  package var waiting: [LatencyWork] = []
  /// The rows of the report whose R is known, in the spec's order.
  package var rows: [PlannedRow] = []
  /// The rows that wait for a grid.
  package var pending: [PendingSearch] = []
  /// The number of methods in races that have not stopped: more batches follow.
  package var racing = 0
  /// The number of tables whose settings within an accuracy drop are still being searched for.
  package var matching = 0
  /// Labels of timings that another machine still has to take.
  package var elsewhere: [String] = []
  /// Rows that cannot be measured as requested, one sentence each.
  package var unmet: [String] = []
  /// Devices that could not be opened, with one sentence each.
  package var unavailable: [(device: String, reason: String)] = []

  /// The keys of all trials, without duplicates.
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
