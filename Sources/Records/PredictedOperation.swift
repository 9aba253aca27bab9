/// What one kind of operation contributes to a predicted latency.
package struct PredictedOperation: Codable, Hashable, Sendable {
  /// For example `fc1`.
  package var name: String
  /// Of all operations of the name in a pass.
  package var milliseconds: Double
  /// Waves of tiles of the last of them; `nil` where memory decides.
  package var waves: Int?
  /// The output tile that the waves are of, rows × columns: `128×64`.
  ///
  /// `nil` where memory decides, and for fused attention, whose tile never changes.
  package var tile: String?

  package init(name: String, milliseconds: Double, waves: Int?, tile: String? = nil) {
    self.name = name
    self.milliseconds = milliseconds
    self.waves = waves
    self.tile = tile
  }

  enum CodingKeys: String, CodingKey {
    case name, waves, tile
    case milliseconds = "ms"
  }
}

/// An operation that takes different times in two passes.
package struct PredictedChange: Hashable, Sendable {
  package let before: PredictedOperation
  package let after: PredictedOperation

  /// The changes that make a tenth of all or more, the largest first.
  package static func all(
    from before: [PredictedOperation], to after: [PredictedOperation]
  ) -> [PredictedChange] {
    let changes = before.compactMap { operation -> PredictedChange? in
      guard let other = after.first(where: { $0.name == operation.name }) else { return nil }
      return PredictedChange(before: operation, after: other)
    }
    let total = changes.reduce(0) { $0 + $1.size }
    return changes.filter { $0.size > 0.1 * total }.sorted {
      ($0.size, $1.before.name) > ($1.size, $0.before.name)
    }
  }

  private var size: Double { abs(before.milliseconds - after.milliseconds) }

  /// For example `fc1: 13 → 12 waves (−0.41 ms)`, `fc1: 18 waves of 64×64 → 6 of 128×128 (−1.3 ms)`
  /// where another tile is the faster one, or `softmax (−0.31 ms)`.
  package var text: String {
    let change = after.milliseconds - before.milliseconds
    let digits = abs(change) < 0.1 ? 3 : abs(change) < 10 ? 2 : 1
    let size = "(\(change < 0 ? "−" : "+")\(Self.text(abs(change), digits: digits)) ms)"
    guard let high = before.waves, let low = after.waves else { return "\(before.name) \(size)" }
    if before.tile == after.tile {
      return high == low
        ? "\(before.name) \(size)" : "\(before.name): \(high) → \(low) waves \(size)"
    }
    let (old, new) = (before.tile ?? "another tile", after.tile ?? "another tile")
    return "\(before.name): \(high) waves of \(old) → \(low) of \(new) \(size)"
  }

  private static func text(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    return "\((value * scale).rounded() / scale)"
  }
}
