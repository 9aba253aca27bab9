import OrderedCollections
import Records
import TokenReduction

/// The latest result of each key, or the latest failure where there is no result.
///
/// Of the baseline's timings every one stays: each set of interleaved rounds has its own, and a
/// speed-up is a ratio within one set.
struct RecordIndex {
  private var results: OrderedDictionary<String, Record> = [:]
  private var failures: OrderedDictionary<String, Record> = [:]
  private var earlierBaselines: OrderedSet<Record> = []

  mutating func insert(_ record: Record) {
    func isLater(than other: Record?) -> Bool {
      // ISO 8601 sorts as text.
      other.map { $0.environment.started <= record.environment.started } ?? true
    }
    switch record.measurement {
    case .accuracy, .latency:
      let known = results[record.key]
      if isLater(than: known) { results[record.key] = record }
      guard case .latency(let trial, _) = record.measurement,
        TokenReductionRegistry.isBaseline(trial.method.name),
        let known, known != record
      else { return }
      earlierBaselines.append(results[record.key] == known ? record : known)
    case .failedAccuracy, .failedLatency:
      if isLater(than: failures[record.key]) { failures[record.key] = record }
    }
  }

  /// The result of a key, if there is one.
  func result(_ key: String) -> Record? { results[key] }

  /// Earlier timings of the baseline, the results in the order read, then failures that no result
  /// has made up for.
  var records: [Record] {
    earlierBaselines + Array(results.values) + failures.values.filter { results[$0.key] == nil }
  }
}
