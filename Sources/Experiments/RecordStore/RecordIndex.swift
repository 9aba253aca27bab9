import OrderedCollections
import Records
import TokenReduction

/// The latest result of each key, or the latest failure if there is no result.
///
/// All timings of the baseline are kept: each set of interleaved rounds has its own, and a speed-up
/// is a ratio within one set.
struct RecordIndex {
  /// In the order in which the keys were read.
  private var results: [Record] = []
  private var places: [String: Int] = [:]
  private var failures: OrderedDictionary<String, Record> = [:]
  private var earlierBaselines: OrderedSet<Record> = []

  mutating func insert(_ record: Record) {
    switch record.measurement {
    case .accuracy:
      store(record)
    case .latency(let trial, _):
      guard let known = store(record), known != record,
        TokenReductionRegistry.isBaseline(trial.method.name)
      else { return }
      earlierBaselines.append(result(record.key) == known ? record : known)
    case .failedAccuracy, .failedLatency:
      if isLater(record, than: failures[record.key]) { failures[record.key] = record }
    }
  }

  /// Stores the later of two results of one key; returns the previous one.
  @discardableResult
  private mutating func store(_ record: Record) -> Record? {
    guard let place = places[record.key] else {
      places[record.key] = results.count
      results.append(record)
      return nil
    }
    let known = results[place]
    if isLater(record, than: known) { results[place] = record }
    return known
  }

  private func isLater(_ record: Record, than other: Record?) -> Bool {
    // ISO 8601 sorts as text.
    other.map { $0.environment.started <= record.environment.started } ?? true
  }

  /// The result of a key, if there is one.
  func result(_ key: String) -> Record? { places[key].map { results[$0] } }

  /// Earlier timings of the baseline, then the results in the order read, then failures without a
  /// later result.
  var records: [Record] {
    let failures = failures.values.filter { places[$0.key] == nil }
    return earlierBaselines.isEmpty && failures.isEmpty
      ? results : earlierBaselines + results + failures
  }
}
