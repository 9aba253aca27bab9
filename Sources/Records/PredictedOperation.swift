/// What one kind of operation contributes to a predicted latency.
package struct PredictedOperation: Codable, Hashable, Sendable {
  /// For example `fc1`.
  package var name: String
  /// Of all operations of the name in a pass.
  package var milliseconds: Double
  /// Waves of tiles of the last of them; `nil` where memory decides.
  package var waves: Int?

  package init(name: String, milliseconds: Double, waves: Int?) {
    self.name = name
    self.milliseconds = milliseconds
    self.waves = waves
  }

  enum CodingKeys: String, CodingKey {
    case name, waves
    case milliseconds = "ms"
  }
}

/// An operation that two passes do not have alike.
package struct PredictedChange: Hashable, Sendable {
  package let name: String
  package let milliseconds: (before: Double, after: Double)
  package let waves: (before: Int, after: Int)?

  /// The changes that make a tenth of all or more, the largest first.
  package static func all(
    from before: [PredictedOperation], to after: [PredictedOperation]
  ) -> [PredictedChange] {
    let changes = before.compactMap { operation -> PredictedChange? in
      guard let other = after.first(where: { $0.name == operation.name }) else { return nil }
      var waves: (before: Int, after: Int)?
      if let high = operation.waves, let low = other.waves, high != low { waves = (high, low) }
      return PredictedChange(
        name: operation.name, milliseconds: (operation.milliseconds, other.milliseconds),
        waves: waves)
    }
    let total = changes.reduce(0) { $0 + $1.size }
    return changes.filter { $0.size > 0.1 * total }.sorted {
      ($0.size, $1.name) > ($1.size, $0.name)
    }
  }

  private var size: Double { abs(milliseconds.before - milliseconds.after) }

  /// For example `fc1: 13 → 12 waves`, or `softmax: 0.31 ms less`.
  package var text: String {
    if let waves { return "\(name): \(waves.before) → \(waves.after) waves" }
    let change = milliseconds.before - milliseconds.after
    let size = (abs(change) * 100).rounded() / 100
    return "\(name): \(size) ms \(change >= 0 ? "less" : "more")"
  }

  package static func == (left: Self, right: Self) -> Bool { left.text == right.text }
  package func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
