/// Places the labels of points so that they cover neither each other nor a marker.
///
/// Each label tries positions around its point, near ones first, and takes the one with the lowest
/// cost that covers no other label and no marker and stays inside; a label without such a position
/// is left out.
struct LabelPlacement {
  struct Label {
    let text: String
    let anchor: Point
    let size: Double
    let color: String
    /// The method of its point, if any.
    var method: String?
  }

  /// A placed label.
  struct Placed {
    let label: Label
    /// The box of the text.
    let box: Box
    /// Whether it is so far away that it needs a leader line.
    let needsLeader: Bool
  }

  /// The area in which labels must stay.
  let bounds: Box
  /// Boxes that no label may cover.
  let obstacles: [Box]
  /// Boxes that a label should preferably not cover: error bars, the front.
  let soft: [Box]

  private static let directions: [(x: Double, y: Double)] = [
    (1, -0.7), (1, 0.7), (1, 0), (0, -1), (0, 1), (-1, -0.7), (-1, 0.7), (-1, 0),
  ]
  private static let distances = [6.0, 12, 20, 30, 42, 56]

  /// The placed labels, in the given order: the first ones have the first choice.
  func place(_ labels: [Label]) -> [Placed] {
    var placed: [Placed] = []
    for label in labels {
      if let found = best(for: label, avoiding: placed.map(\.box)) { placed.append(found) }
    }
    return placed
  }

  private func best(for label: Label, avoiding taken: [Box]) -> Placed? {
    let width = FigureText.width(label.text, size: label.size) + 2
    let height = label.size + 1
    var best: (cost: Double, placed: Placed)?
    for distance in Self.distances {
      for (rank, direction) in Self.directions.enumerated() {
        let center = Point(
          x: label.anchor.x + direction.x * distance + Double(direction.x.sign) * width / 2,
          y: label.anchor.y + direction.y * distance
            + (direction.x == 0 ? direction.y * height / 2 : 0))
        let box = Box(
          x: center.x - width / 2, y: center.y - height / 2, width: width, height: height)
        guard bounds.contains(box), taken.allSatisfy({ $0.overlap(with: box.outset(by: 1)) == 0 }),
          obstacles.allSatisfy({ $0.overlap(with: box) == 0 })
        else { continue }
        let covered = soft.reduce(0) { $0 + $1.overlap(with: box) }
        let cost =
          distance + Double(rank) * 0.4 + covered * 0.15 + confusion(of: box, at: label.anchor)
        if best.map({ cost < $0.cost }) ?? true {
          best = (cost, Placed(label: label, box: box, needsLeader: distance > 14))
        }
      }
    }
    return best?.placed
  }
}

extension LabelPlacement {
  /// The cost of a possible confusion with another marker nearby.
  private func confusion(of box: Box, at anchor: Point) -> Double {
    obstacles.reduce(0) { sum, marker in
      let isOwn = marker.outset(by: 0.5).contains(
        Box(x: anchor.x, y: anchor.y, width: 0, height: 0))
      return sum + (isOwn ? 0 : 1.5 * max(0, 8 - marker.distance(to: box)))
    }
  }
}

extension Double {
  /// −1, 0 or 1.
  fileprivate var sign: Int { self > 0 ? 1 : self < 0 ? -1 : 0 }
}

extension LabelPlacement.Placed {
  /// The text with a white outline, and a leader line from its point if it is far away.
  var nodes: [Markup] {
    var nodes: [Markup] = []
    if needsLeader {
      let anchor = label.anchor
      let end = Point(
        x: min(max(anchor.x, box.x), box.maxX), y: min(max(anchor.y, box.y), box.maxY))
      nodes.append(.line(from: anchor, to: end, stroke: "#aaaaaa", width: 0.7))
    }
    let words = FigureText.node(
      label.text, at: Point(x: box.center.x, y: box.maxY - label.size * 0.22), size: label.size,
      anchor: .middle, color: label.color)
    nodes.append(
      words.with("stroke", "#ffffff").with("stroke-width", 2.6).with("paint-order", "stroke")
        .with("stroke-linejoin", "round"))
    return nodes
  }
}
