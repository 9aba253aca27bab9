import Crypto
import Foundation
import Records

/// One record as one line of JSON, and the key by which it is found again.
package enum RecordLine {
  /// The highest schema that this program reads.
  static let schema = Record.currentSchema

  /// SHA-256, in hexadecimal, of the canonical JSON (sorted keys, no spaces) of kind and trial.
  ///
  /// A failure has the key of the trial that failed. The machine's mood, the host and the program are no part of it.
  package static func key(of measurement: Record.Measurement) -> String {
    switch measurement {
    case .accuracy(let trial, _), .failedAccuracy(let trial, _): key(of: trial)
    case .latency(let trial, _), .failedLatency(let trial, _): key(of: trial)
    }
  }

  package static func key(of trial: AccuracyTrial) -> String { key(kind: "accuracy", trial) }
  package static func key(of trial: LatencyTrial) -> String { key(kind: "latency", trial) }

  private struct Keyed<Trial: Encodable>: Encodable {
    let kind: String
    let trial: Trial
  }

  private static func key(kind: String, _ trial: some Encodable) -> String {
    // Trials hold finite numbers and strings alone, which always encode.
    let data = (try? encoder.encode(Keyed(kind: kind, trial: trial))) ?? Data()
    precondition(!data.isEmpty, "a trial with a number that is not finite has no key")
    return SHA256.hash(data: data).map { String(format: "%02x", $0) }.joined()
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  /// The line, sealed, newline included.
  package static func data(_ record: Record) throws -> Data {
    let data = try encoder.encode(record)
    return data.dropLast() + Data(sealText(seal(data)).utf8) + Data("\n".utf8)
  }

  /// The end of a line, which a number changed by hand no longer fits.
  private static func sealText(_ seal: String) -> String { ",\"seal\":\"\(seal)\"}" }

  /// The first half of the SHA-256 of a record's JSON without its seal, in hexadecimal.
  private static func seal(_ data: Data) -> String {
    SHA256.hash(data: data).prefix(16).map { String(format: "%02x", $0) }.joined()
  }

  /// Whether a line's seal, where it has one, fits the rest.
  private static func isSealed(_ line: Data) -> Bool {
    let end = sealText(String(repeating: "0", count: 32)).utf8.count
    guard line.count > end, line.suffix(end).starts(with: Data(",\"seal\":\"".utf8)) else {
      return true
    }
    let rest = Data(line.dropLast(end)) + Data("}".utf8)
    return line.suffix(end) == Data(sealText(seal(rest)).utf8)
  }

  /// Why a line is not a usable record.
  enum Flaw: Error {
    case notARecord(String)
    case tooNew(schema: Int)
  }

  /// The record of a line, checked for what its parts promise each other.
  static func record(_ data: Data) throws(Flaw) -> Record {
    struct SchemaOnly: Decodable { let schema: Int }
    let decoder = JSONDecoder()
    // The schema is read first: a later version may have changed everything else.
    if let found = try? decoder.decode(SchemaOnly.self, from: data), found.schema > schema {
      throw .tooNew(schema: found.schema)
    }
    let record: Record
    do {
      record = try decoder.decode(Record.self, from: data)
    } catch {
      throw .notARecord(reason(error))
    }
    if let contradiction = contradiction(in: record) { throw .notARecord(contradiction) }
    guard isSealed(data) else {
      throw .notARecord("its seal does not fit its numbers, as if it had been edited by hand")
    }
    return record
  }

  private static func contradiction(in record: Record) -> String? {
    if key(of: record.measurement) != record.key {
      return "its key does not belong to its trial, as if it had been edited by hand"
    }
    switch record.measurement {
    case .accuracy(let trial, let result):
      let images = result.labels.count
      if result.topFive.count != images || result.imageIndices.count != images
        || images + result.skipped.count != trial.imageCount
      {
        return "its image counts contradict each other"
      }
    case .latency(_, let result):
      let samples = result.samplesMilliseconds
      if samples.isEmpty || samples.count != result.rounds.count
        || !samples.allSatisfy({ $0.isFinite && $0 >= 0 })
      {
        return "its samples contradict each other"
      }
    case .failedAccuracy, .failedLatency: break
    }
    return nil
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "the key '\(key.stringValue)' is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' has the wrong type"
    default: "it is not whole JSON"
    }
  }
}
