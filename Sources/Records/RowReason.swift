/// Why a row of a report has its parameters, if a search chose them.
package enum RowReason: Hashable, Sendable {
  /// The highest utility of the grids, with this weight of latency.
  case alpha(Double)
  /// The most accurate setting within a latency per batch.
  case latencyTarget(milliseconds: Double)
  /// The fastest setting within a loss of top-1, in percentage points.
  case accuracyDropTarget(points: Double)
  /// The setting whose latency is nearest to that of a row of another method, which is named with
  /// its `r` and with what else differs from its defaults.
  ///
  /// `difference` is the relative difference of the latencies, negative if the row is faster.
  case latencyMatch(of: MethodSetting, difference: Double)
  /// Random removal at the token counts of another method, which is named with its `r` and with
  /// what else differs from its defaults.
  case control(of: MethodSetting)
  /// The text of an earlier version that stored the reason as text; shown unchanged.
  case text(String)

  /// The weight of latency; `nil` for other reasons.
  package var alpha: Double? { if case .alpha(let alpha) = self { alpha } else { nil } }
}

extension RowReason: Codable {
  enum CodingKeys: String, CodingKey {
    case alpha, difference, text
    case latencyTarget = "target_latency_ms"
    case accuracyDropTarget = "target_accuracy_drop"
    case latencyMatch = "match_latency"
    case control = "control_of"
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    if let alpha = try values.decodeIfPresent(Double.self, forKey: .alpha) {
      self = .alpha(alpha)
    } else if let limit = try values.decodeIfPresent(Double.self, forKey: .latencyTarget) {
      self = .latencyTarget(milliseconds: limit)
    } else if let points = try values.decodeIfPresent(Double.self, forKey: .accuracyDropTarget) {
      self = .accuracyDropTarget(points: points)
    } else if let method = try values.decodeIfPresent(MethodSetting.self, forKey: .latencyMatch) {
      self = .latencyMatch(
        of: method, difference: try values.decode(Double.self, forKey: .difference))
    } else if let method = try values.decodeIfPresent(MethodSetting.self, forKey: .control) {
      self = .control(of: method)
    } else {
      self = .text(try values.decode(String.self, forKey: .text))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .alpha(let alpha): try values.encode(alpha, forKey: .alpha)
    case .latencyTarget(let limit): try values.encode(limit, forKey: .latencyTarget)
    case .accuracyDropTarget(let points): try values.encode(points, forKey: .accuracyDropTarget)
    case .latencyMatch(let method, let difference):
      try values.encode(method, forKey: .latencyMatch)
      try values.encode(difference, forKey: .difference)
    case .control(let method): try values.encode(method, forKey: .control)
    case .text(let text): try values.encode(text, forKey: .text)
    }
  }
}
