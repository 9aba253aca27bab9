import Measurement

/// Whether a measured row agrees with the published line that it is compared with.
///
/// Accuracy is judged only for the published model on ImageNet's classes. Latency is judged only
/// for the published model at the published batch size, and only as a change relative to the
/// baseline, because milliseconds depend on the device. Unreliable timings are not judged.
struct PublishedAgreement: Hashable, Sendable {
  /// Points by which a change is outside the measured interval; 0 if it agrees, `nil` if it is not
  /// judged.
  let accuracy: Double?
  let latency: Double?

  /// The effect that preprocessing alone may have, in points of top-1.
  static let accuracyTolerance = 0.2
  /// The effect that another device may have, in percentage points of the latency's change.
  static let latencyTolerance = 5.0

  static let explanation =
    "agrees: the published change lies in the measured 95 % interval, widened by "
    + "\(trimmed(accuracyTolerance, digits: 1)) pp of accuracy or "
    + "\(trimmed(latencyTolerance, digits: 1)) points of latency; else by how much the measured "
    + "one deviates; other models, other data and timings that are not reliable are not judged"

  /// `nil` if neither is judged.
  init?(_ line: PublishedTable.Line, _ numbers: PublishedNumbers) {
    let model = line.published.model ?? numbers.model
    let batchSize = line.published.batchSize ?? numbers.batchSize
    func isPublished(_ group: RowGroup) -> Bool { model != nil && group.model.name == model }
    accuracy = line.judged.flatMap { judged in
      guard isPublished(judged.group), judged.group.dataset?.classes == 1000,
        let published = line.deltaPoints, let change = judged.row.change
      else { return nil }
      return Self.deviation(
        of: change.points, in: change.interval, from: published, Self.accuracyTolerance)
    }
    latency = line.judged.flatMap { judged in
      guard isPublished(judged.group), batchSize == nil || judged.group.batchSize == batchSize,
        judged.row.speedup?.isReliable == true,
        let published = line.changePercent, let change = judged.row.latencyChange
      else { return nil }
      return Self.deviation(
        of: change.percent, in: change.interval, from: published, Self.latencyTolerance)
    }
    if accuracy == nil, latency == nil { return nil }
  }

  private static func deviation(
    of value: Double, in interval: Interval, from published: Double, _ tolerance: Double
  ) -> Double {
    let isInside =
      interval.lower - tolerance <= published && published <= interval.upper + tolerance
    return isInside ? 0 : value - published
  }

  /// For example `Δ agrees, latency deviates by −12.1 pp`.
  var text: String {
    func words(_ name: String, _ deviation: Double?) -> String? {
      deviation.map {
        $0 == 0 ? "\(name) agrees" : "\(name) deviates by \(signed($0, digits: 1)) pp"
      }
    }
    return [words("Δ", accuracy), words("latency", latency)].compactMap { $0 }
      .joined(separator: ", ")
  }
}
