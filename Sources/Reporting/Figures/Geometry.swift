/// A point on the page, in pixels from the top left.
struct Point: Hashable, Sendable {
  var x: Double
  var y: Double
}

/// An upright rectangle on the page, in pixels from the top left.
struct Box: Hashable, Sendable {
  var x: Double
  var y: Double
  var width: Double
  var height: Double

  var maxX: Double { x + width }
  var maxY: Double { y + height }
  var center: Point { Point(x: x + width / 2, y: y + height / 2) }

  /// The box with `margin` added on every side.
  func outset(by margin: Double) -> Box {
    Box(x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin)
  }

  /// Whether all of `other` lies inside.
  func contains(_ other: Box) -> Bool {
    x <= other.x && y <= other.y && other.maxX <= maxX && other.maxY <= maxY
  }

  /// Pixels between the nearest edges; 0 if the boxes touch.
  func distance(to other: Box) -> Double {
    let wide = max(0, max(x, other.x) - min(maxX, other.maxX))
    let high = max(0, max(y, other.y) - min(maxY, other.maxY))
    return (wide * wide + high * high).squareRoot()
  }

  /// The area of the intersection.
  func overlap(with other: Box) -> Double {
    let wide = min(maxX, other.maxX) - max(x, other.x)
    let high = min(maxY, other.maxY) - max(y, other.y)
    return wide > 0 && high > 0 ? wide * high : 0
  }
}
