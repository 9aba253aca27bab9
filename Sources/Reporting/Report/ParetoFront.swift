/// A point of the trade-off between accuracy and latency.
package struct TradeOff: Hashable, Sendable {
  /// Lower is better.
  package var latency: Double
  /// Higher is better.
  package var accuracy: Double

  package init(latency: Double, accuracy: Double) {
    self.latency = latency
    self.accuracy = accuracy
  }
}

/// Indices of the points that no other point dominates, by increasing latency; equal points are all
/// kept.
///
/// Time: O(n log n).
package func paretoFront(_ points: [TradeOff]) -> [Int] {
  let order = points.indices.sorted { a, b in
    let (first, second) = (points[a], points[b])
    if first.latency != second.latency { return first.latency < second.latency }
    if first.accuracy != second.accuracy { return first.accuracy > second.accuracy }
    return a < b
  }
  var front: [Int] = []
  var last: TradeOff?
  for index in order {
    let point = points[index]
    if let best = last, point.accuracy <= best.accuracy, point != best { continue }
    front.append(index)
    last = point
  }
  return front
}
