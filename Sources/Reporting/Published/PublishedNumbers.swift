import Foundation
import Records

/// Published numbers as a spec gives them: one table or one part of a table.
package struct PublishedNumbers: Codable, Hashable, Sendable {
  /// The publication and the table in it.
  package let source: String
  /// The hardware on which the latencies were measured.
  package let hardware: String
  /// Which numbers may be compared with measured ones, and which may not.
  package let comparable: String
  /// The published model, by the registry's name.
  package let model: String?
  package let batchSize: Int?
  package let baseline: Baseline?
  package let rows: [Line]

  /// The model without reduction.
  package struct Baseline: Codable, Hashable, Sendable {
    package let latencyMilliseconds: Double?
    package let top1: Double?

    enum CodingKeys: String, CodingKey {
      case latencyMilliseconds = "latency_ms"
      case top1
    }
  }

  /// A published line, and which measured rows belong to it.
  package struct Line: Codable, Hashable, Sendable {
    package let label: String
    /// `nil` for a method that is not measured here.
    package let method: String?
    /// Parameters that measured rows must have; a list contains alternative values.
    package let match: [String: JSONValue]?
    /// The published model, if the lines have different ones.
    package let model: String?
    package let batchSize: Int?
    package let device: String?
    package let r: Int?
    /// Milliseconds per batch.
    package let latencyMilliseconds: Double?
    /// Percentage points of top-1, positive if the method loses accuracy.
    package let accuracyDropPoints: Double?
    package let top1: Double?
    /// The change of latency as the publication states it.
    package let statedChangePercent: Double?

    enum CodingKeys: String, CodingKey {
      case label, method, match, model, device, r, top1
      case batchSize = "batch_size"
      case latencyMilliseconds = "latency_ms"
      case accuracyDropPoints = "accuracy_drop_pp"
      case statedChangePercent = "stated_change_percent"
    }
  }

  enum CodingKeys: String, CodingKey {
    case source, hardware, comparable, model, baseline, rows
    case batchSize = "batch_size"
  }

  /// The tables of a stored `published`, which is one object or a list of them.
  ///
  /// - Throws: `DecodingError`.
  package static func tables(of data: Data) throws -> [PublishedNumbers] {
    let decoder = JSONDecoder()
    if let one = try? decoder.decode(PublishedNumbers.self, from: data) { return [one] }
    return try decoder.decode([PublishedNumbers].self, from: data)
  }

  /// The published numbers of a model, which lines of other models are compared with: those of its
  /// line on the same device at the same batch size.
  func baseline(_ model: String, of line: Line) -> Baseline? {
    rows.first {
      $0.model == model && $0.method == line.method && $0.device == line.device
        && $0.batchSize == line.batchSize
    }.map { Baseline(latencyMilliseconds: $0.latencyMilliseconds, top1: $0.top1) }
  }

  /// The published change of a line's latency relative to the baseline in percent, computed from
  /// milliseconds.
  ///
  /// - Parameter reference: Replaces the baseline of the publication.
  func changePercent(_ line: Line, against reference: Baseline? = nil) -> Double? {
    guard let base = (reference ?? baseline)?.latencyMilliseconds,
      let time = line.latencyMilliseconds
    else { return nil }
    return 100 * (time / base - 1)
  }

  /// The published change of a line's top-1 relative to the baseline in points; negative if it
  /// loses.
  ///
  /// - Parameter reference: Replaces the baseline of the publication.
  func deltaPoints(_ line: Line, against reference: Baseline? = nil) -> Double? {
    if let given = line.accuracyDropPoints { return given == 0 ? 0 : -given }
    guard let base = (reference ?? baseline)?.top1, let top1 = line.top1 else { return nil }
    return top1 - base
  }

  /// The variation within the publication, in percentage points: it reports 104.1, 104.2 and 104.7
  /// ms for the same configuration.
  static let noisePoints = 0.6

  /// A note on a line's published numbers, or `nil`.
  func note(_ line: Line, against reference: Baseline? = nil) -> String? {
    guard let stated = line.statedChangePercent else { return nil }
    func percent(_ value: Double) -> String { "\(signed(value, digits: 1)) %" }
    guard let change = changePercent(line, against: reference) else {
      guard let time = line.latencyMilliseconds, stated > -100 else { return nil }
      return "stated as \(percent(stated)), of a baseline that is not given; it would be "
        + "\(significant(time / (1 + stated / 100))) ms"
    }
    guard abs(change - stated) > Self.noisePoints else { return nil }
    let text = "stated as \(percent(stated)), which its milliseconds contradict: \(percent(change))"
    // The change divided by the method's latency instead of the baseline's.
    let rounding = stated == stated.rounded() ? 0.5 : 0.1
    guard abs(100 * change / (100 + change) - stated) < rounding else { return text }
    return text + "; it divides by the method's latency instead of the baseline's"
  }
}
