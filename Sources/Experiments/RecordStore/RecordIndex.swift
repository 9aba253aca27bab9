import OrderedCollections
import Records

/// One record of each key: the latest result, or the latest failure where there is no result.
struct RecordIndex {
  private var results: OrderedDictionary<String, Record> = [:]
  private var failures: OrderedDictionary<String, Record> = [:]

  mutating func insert(_ record: Record) {
    func isLater(than other: Record?) -> Bool {
      // ISO 8601 sorts as text.
      other.map { $0.environment.started <= record.environment.started } ?? true
    }
    switch record.measurement {
    case .accuracy, .latency:
      if isLater(than: results[record.key]) { results[record.key] = record }
    case .failedAccuracy, .failedLatency:
      if isLater(than: failures[record.key]) { failures[record.key] = record }
    }
  }

  /// The result of a key, if there is one.
  func result(_ key: String) -> Record? { results[key] }

  /// Results in the order read, then failures that no result has made up for.
  var records: [Record] {
    Array(results.values) + failures.values.filter { results[$0.key] == nil }
  }
}
