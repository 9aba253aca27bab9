import Records

extension RowReason {
  /// For example `α=0.5`, `≤ 3 ms`, `drop ≤ 1`, `as fast as tome r=8 (−1.3 %)`.
  var words: String {
    switch self {
    case .alpha(let alpha): "α=\(trimmed(alpha, digits: 6))"
    case .latencyTarget(let limit): "≤ \(trimmed(limit, digits: 6)) ms"
    case .accuracyDropTarget(let points): "drop ≤ \(trimmed(points, digits: 6))"
    case .latencyMatch(let method, let difference):
      "as fast as \(Self.words(method)) (\(Self.percent(difference)))"
    case .control(let method): "control of \(Self.words(method))"
    case .text(let text): text
    }
  }

  private static func words(_ method: MethodSetting) -> String {
    let parameters = method.parameters.sorted { $0.key < $1.key }
      .map { "\($0.key)=\(ParameterText.compact($0.value))" }
    return ([method.name] + parameters).joined(separator: " ")
  }

  private static func percent(_ share: Double) -> String {
    let percent = trimmed(abs(100 * share), digits: 1)
    return "\(share < 0 ? "−" : "+")\(percent) %"
  }
}

extension [RowReason] {
  /// All reasons, with consecutive α combined: `α=0.2, 0.3`; `nil` without any.
  var words: String? {
    var isAfterAlpha = false
    let parts = map { reason in
      defer { isAfterAlpha = reason.alpha != nil }
      guard isAfterAlpha, let alpha = reason.alpha else { return reason.words }
      return trimmed(alpha, digits: 6)
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }

  /// `words` with three or more α as a range: `α=0.2…0.7`.
  var shortWords: String? {
    let alphas = compactMap(\.alpha)
    guard count > 2, alphas.count == count, let first = alphas.first, let last = alphas.last else {
      return words
    }
    return "α=\(trimmed(first, digits: 6))…\(trimmed(last, digits: 6))"
  }

  /// `shortWords` for a label in a figure; `nil` if it would cover other points.
  var labelWords: String? {
    switch first {
    case .latencyMatch?, .control?: nil
    default: shortWords
    }
  }
}
