/// How a report distinguishes a method from the others, as the method itself declares it.
///
/// Each record contains the traits of its method, so that a report can draw methods that its
/// program does not know.
package struct MethodTraits: Codable, Hashable, Sendable {
  package var family: MethodFamily
  /// `#RRGGBB`, the same in every figure.
  package var color: String
  /// Rows without another order are listed by this value in ascending order: from simple to complex
  /// methods.
  package var order: Int

  package init(family: MethodFamily, color: String, order: Int) {
    self.family = family
    self.color = color
    self.order = order
  }
}

/// What a method does with the tokens that it does not keep, and its role in a report.
///
/// The family decides the marker in a figure.
package enum MethodFamily: String, Codable, Hashable, Sendable, CaseIterable {
  /// Nothing is reduced: what every other method is compared with.
  case baseline
  /// Patch tokens are dropped at random before the first block: the points of a latency grid.
  case random
  /// Tokens are dropped by a score.
  case drop
  /// Dropped tokens are fused into one.
  case fuse
  /// Tokens are merged into similar ones.
  case merge
  /// The token count is chosen from measured latency.
  case latencyStep = "latency_step"
  /// Composed in the spec from a score, a disposal and a schedule.
  case composed
  /// A family of a later version of the program.
  case other

  package init(from decoder: any Decoder) throws {
    let name = try decoder.singleValueContainer().decode(String.self)
    self = MethodFamily(rawValue: name) ?? .other
  }
}
