import Records

/// Predicted latencies by token count, with the operations that cause the steps.
package struct SimulatedStaircase: Hashable, Sendable {
  package struct Point: Hashable, Sendable {
    package let tokens: Int
    package let milliseconds: Double
  }

  /// A decrease of the latency between two neighboring token counts.
  package struct Edge: Hashable, Sendable {
    /// The highest token count of the lower side.
    package let tokens: Int
    /// The additional time for one more token, in milliseconds; negative if more tokens take less.
    package let rise: Double
    /// What changes when the token is removed, the largest part first: `fc1: 13 → 12 waves (−0.41
    /// ms)`.
    package let causes: [String]
  }

  /// Ascending by tokens.
  package let points: [Point]
  package let edges: [Edge]

  /// The minimum fraction of a latency that counts as a step.
  package static let smallestShare = 0.01
  /// The maximum number of causes named for one step.
  private static let maxCauses = 3

  /// The staircase of passes that differ only in their token count.
  ///
  /// - Parameter passes: In ascending order of tokens, preferably without gaps.
  package init(_ passes: [(tokens: Int, pass: PreparedPass)], _ model: CostModel) {
    points = passes.map { Point(tokens: $0.tokens, milliseconds: model.milliseconds($0.pass)) }
    var edges: [Edge] = []
    for index in points.indices.dropLast() {
      let (low, high) = (points[index], points[index + 1])
      let rise = high.milliseconds - low.milliseconds
      guard abs(rise) >= Self.smallestShare * low.milliseconds else { continue }
      edges.append(
        Edge(
          tokens: low.tokens, rise: rise,
          causes: PredictedChange.all(
            from: model.operations(passes[index + 1].pass),
            to: model.operations(passes[index].pass)
          ).prefix(Self.maxCauses).map(\.text)))
    }
    self.edges = edges
  }

  /// The token counts from which one more costs most: the lower sides of the steps, the highest
  /// token count of all first.
  package var tokensBelowSteps: [Int] {
    edges.filter { $0.rise > 0 }.map(\.tokens).reversed()
  }

  /// The step nearest to a token count, and how far it is.
  package func nearestEdge(to tokens: Int) -> (edge: Edge, distance: Int)? {
    edges.map { ($0, abs($0.tokens - tokens)) }.min { $0.1 < $1.1 }
  }
}
