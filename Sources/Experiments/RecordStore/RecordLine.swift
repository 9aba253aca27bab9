import Files
import Foundation
import Records
import TokenReduction

/// One record as one line of JSON, and the key that identifies it.
package enum RecordLine {
  /// The highest schema that this program reads.
  static let schema = Record.currentSchema

  /// SHA-256, in hexadecimal, of the canonical JSON (sorted keys, no spaces) of kind and trial.
  ///
  /// A failure has the key of the trial that failed. The key does not contain the host, the
  /// program, or anything that varies between runs.
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
    SHA256.hash(data: keyedText(kind: kind, trial)).hexadecimal
  }

  /// The content that a key is the hash of.
  static func keyedText(kind: String, _ trial: some Encodable) -> Data {
    // Trials contain only finite numbers and strings, which can always be encoded.
    let data = (try? encoder.encode(Keyed(kind: kind, trial: trial))) ?? Data()
    precondition(!data.isEmpty, "a trial with a number that is not finite has no key")
    return data
  }

  /// The keys of a trial on any shard; only the part that differs is encoded again.
  struct ShardKeys {
    private let before: SHA256
    private let after: Data

    init(_ trial: AccuracyTrial) {
      let text = RecordLine.keyedText(kind: "accuracy", trial)
      // Quotes inside a string are escaped, so that this is the trial's own key.
      let shard = text.firstRange(
        of: Self.text(trial.firstImage..<(trial.firstImage + trial.imageCount)))
      precondition(shard != nil, "a trial is encoded with its shard")
      let range = shard ?? text.startIndex..<text.startIndex
      var before = SHA256()
      before.update(data: text[..<range.lowerBound])
      self.before = before
      after = text[range.upperBound...]
    }

    func key(_ shard: Range<Int>) -> String {
      var hash = before
      hash.update(data: Self.text(shard))
      hash.update(data: after)
      return hash.finalize().hexadecimal
    }

    private static func text(_ shard: Range<Int>) -> Data {
      Data(",\"first_image\":\(shard.lowerBound),\"image_count\":\(shard.count),".utf8)
    }
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  /// The line with its checksum and newline.
  package static func data(_ record: Record) throws -> Data {
    let data = try encoder.encode(record)
    return data.dropLast() + Data(sealText(seal(data)).utf8) + Data("\n".utf8)
  }

  /// The checksum at the end of a line, which no longer matches if a number was changed by hand.
  private static func sealText(_ seal: String) -> String { ",\"seal\":\"\(seal)\"}" }

  /// The first half of the SHA-256 of a record's JSON without its seal, in hexadecimal.
  private static func seal(_ data: Data) -> String {
    SHA256.hash(data: data).prefix(16).hexadecimal
  }

  /// Whether a line has a checksum, and whether it matches the rest.
  private enum Seal { case none, fits, broken }

  private static func seal(of line: JSONBytes) -> Seal {
    guard let range = line.range(of: "seal") else { return .none }
    let bytes = line.bytes[line.start...]
    let length = 32
    let end = Array(sealText(String(repeating: "0", count: length)).utf8)
    // A run writes it last, without a blank.
    guard range.count == length + 2, bytes.count > end.count,
      range.upperBound == bytes.endIndex - 1
    else { return .broken }
    var hash = SHA256()
    bytes.withUnsafeBytes { text in
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: text.dropLast(end.count)))
    }
    hash.update(data: [UInt8(ascii: "}")])
    let expected = sealText(hash.finalize().prefix(16).hexadecimal)
    return bytes.suffix(end.count).elementsEqual(expected.utf8) ? .fits : .broken
  }

  /// Why a line is not a usable record.
  enum Flaw: Error {
    case notARecord(String)
    case tooNew(schema: Int)
  }

  /// A usable line.
  struct Reading {
    let record: Record
    /// Without a checksum, it is unknown whether the line was edited.
    let isSealed: Bool
  }

  /// The record of a line, checked for consistency.
  ///
  /// - Parameter decoder: The same for the lines of a folder, which share most of their settings.
  static func read(_ bytes: [UInt8], with decoder: LineDecoder) throws(Flaw) -> Reading {
    let line: JSONBytes
    do { line = try JSONBytes(trimmed(bytes)) } catch { throw .notARecord("it is not whole JSON") }
    // The schema is read first: a later version may have changed everything else.
    if let found = line.range(of: "schema").flatMap({ line.integer(at: $0.lowerBound) }),
      found > schema
    {
      throw .tooNew(schema: found)
    }
    var record: Record
    do {
      record = try decoder.decode(Record.self, from: line)
    } catch {
      throw .notARecord(reason(error))
    }
    if let contradiction = contradiction(in: record) { throw .notARecord(contradiction) }
    if let value = record.outOfBounds {
      throw .notARecord("\(value), which no measurement gives")
    }
    guard hasItsKey(record, line) else {
      throw .notARecord("its key does not belong to its trial, as if it had been edited by hand")
    }
    let seal = seal(of: line)
    guard seal != .broken else {
      throw .notARecord("its seal does not fit its numbers, as if it had been edited by hand")
    }
    record.fillIn()
    return Reading(record: record, isSealed: seal == .fits)
  }

  /// Without the blanks at the end, such as the carriage return of another system.
  private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    guard let last = bytes.last, last <= UInt8(ascii: " ") else { return bytes }
    return Array(bytes[...(bytes.lastIndex { $0 > UInt8(ascii: " ") } ?? bytes.startIndex)])
  }

  /// Whether a record's key is that of its trial.
  private static func hasItsKey(_ record: Record, _ line: JSONBytes) -> Bool {
    // A run writes the trial exactly as it is hashed for the key; any other spelling is encoded
    // again.
    if let trial = line.range(of: "trial") {
      var hash = SHA256()
      hash.update(data: Array("{\"kind\":\"\(kind(of: record))\",\"trial\":".utf8))
      line.bytes.withUnsafeBytes {
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[trial]))
      }
      hash.update(data: [UInt8(ascii: "}")])
      if hash.finalize().hexadecimal == record.key { return true }
    }
    return key(of: record.measurement) == record.key
  }

  private static func kind(of record: Record) -> String {
    switch record.measurement {
    case .accuracy, .failedAccuracy: "accuracy"
    case .latency, .failedLatency: "latency"
    }
  }

  private static func contradiction(in record: Record) -> String? {
    switch record.measurement {
    case .accuracy(let trial, let result):
      let images = result.labels.count
      if result.topFive.count != images || result.imageIndices.count != images
        || images + result.skipped.count != trial.imageCount
        || result.keptTokens.map({ $0.count != images }) ?? false
      {
        return "its image counts contradict each other"
      }
    case .latency(_, let result):
      let samples = result.samplesMilliseconds
      if samples.isEmpty || samples.count != result.rounds.count {
        return "its samples contradict each other"
      }
      if let quality = result.quality, !quality.isConsistent {
        return "what it says of disturbed rounds contradicts itself"
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
    case DecodingError.dataCorrupted(let context)
    where context.debugDescription != LineDecoder.twice:
      "'\(context.codingPath.map(\.stringValue).joined(separator: "."))' has no such value"
    default: LineDecoder.twice
    }
  }
}

extension Record {
  /// Adds values that earlier versions did not store, and values that follow from the trial.
  fileprivate mutating func fillIn() {
    if traits == nil {
      traits = TokenReductionRegistry.method(named: measurement.method.name)?.traits
    }
    switch measurement {
    case .accuracy(let trial, var result) where result.cost.cut == nil:
      guard let cut = result.cost.scheduleCut(trial.method, trial.model) else { return }
      result.cost.cut = cut
      measurement = .accuracy(trial, result)
    case .latency(let trial, var result) where result.cost.cut == nil:
      guard let cut = result.cost.scheduleCut(trial.method, trial.model) else { return }
      result.cost.cut = cut
      measurement = .latency(trial, result)
    default: break
    }
  }
}

extension ForwardCost {
  fileprivate func scheduleCut(_ method: MethodSetting, _ model: ModelSetting) -> ScheduleCut? {
    ScheduleCut(method, tokens: model.tokens, tokensAfterBlocks: tokensAfterBlocks)
  }
}
