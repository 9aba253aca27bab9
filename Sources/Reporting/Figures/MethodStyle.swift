import Foundation
import Records

/// Color and marker of a method, the same in every figure.
///
/// Methods declare colors of Okabe and Ito (2008), which color-blind readers can distinguish; the
/// marker of the family is for printing in gray.
struct MethodStyle: Hashable, Sendable {
  enum Shape: Hashable, Sendable { case circle, square, diamond, triangle, triangleDown, cross }

  let color: String
  let shape: Shape

  init(color: String, shape: Shape) {
    self.color = color
    self.shape = shape
  }

  /// The declared color, and the family's marker.
  init(_ traits: MethodTraits) {
    color = traits.color
    shape =
      switch traits.family {
      case .baseline, .composed: .square
      case .random: .cross
      case .drop: .triangle
      case .fuse: .triangleDown
      case .merge: .diamond
      case .latencyStep, .other: .circle
      }
  }

  /// For methods whose records declare no traits: they share blue and differ in shape.
  private static let others = [Shape.diamond, .triangle, .circle, .square].map {
    MethodStyle(color: "#0072B2", shape: $0)
  }

  /// Styles for `methods` as their records declare them.
  static func styles(for methods: [String], _ catalog: MethodCatalog) -> [String: MethodStyle] {
    var styles: [String: MethodStyle] = [:]
    for method in Set(methods).sorted() where catalog[method] == nil {
      styles[method] = others[styles.count % others.count]
    }
    for method in methods {
      styles[method] = catalog[method].map { MethodStyle($0) } ?? styles[method]
    }
    return styles
  }

  /// The color mixed with a third of black, so that small text is legible on white.
  var textColor: String {
    guard let value = Int(color.dropFirst(), radix: 16) else { return color }
    let mixed = [16, 8, 0].map { shift in (value >> shift & 0xFF) * 2 / 3 }
    return "#" + mixed.map { String(format: "%02X", $0) }.joined()
  }

  /// The marker around `point`: filled when `isSolid`, else an outline.
  func marker(at point: Point, isSolid: Bool, size: Double = 4.2) -> Markup {
    let fill: Markup.Value = isSolid ? .text(color) : "#ffffff"
    let stroke: Markup.Value = .text(color)
    switch shape {
    case .circle:
      return Markup(
        "circle",
        [
          "cx": .number(point.x), "cy": .number(point.y), "r": .number(size), "fill": fill,
          "stroke": stroke, "stroke-width": 1.3,
        ])
    case .cross:
      let arm = size * 0.9
      let d =
        "M\(coordinate(point.x - arm)),\(coordinate(point.y - arm))l\(coordinate(2 * arm)),"
        + "\(coordinate(2 * arm))M\(coordinate(point.x - arm)),\(coordinate(point.y + arm))"
        + "l\(coordinate(2 * arm)),\(coordinate(-2 * arm))"
      return Markup(
        "path",
        ["d": .text(d), "fill": "none", "stroke": stroke, "stroke-width": isSolid ? 2.4 : 1.3])
    default:
      let corners = corners(size: size).map { Point(x: point.x + $0.x, y: point.y + $0.y) }
      let list = corners.map { "\(coordinate($0.x)),\(coordinate($0.y))" }.joined(separator: " ")
      return Markup(
        "polygon",
        [
          "points": .text(list), "fill": fill, "stroke": stroke, "stroke-width": 1.3,
          "stroke-linejoin": "round",
        ])
    }
  }

  /// Corners around the origin, of about the same area for every shape.
  private func corners(size: Double) -> [Point] {
    let side = size * 0.92
    let tall = size * 1.25
    return switch shape {
    case .diamond:
      [Point(x: 0, y: -tall), Point(x: tall, y: 0), Point(x: 0, y: tall), Point(x: -tall, y: 0)]
    case .triangle:
      [
        Point(x: 0, y: -tall), Point(x: tall, y: tall * 0.8), Point(x: -tall, y: tall * 0.8),
      ]
    case .triangleDown:
      [
        Point(x: 0, y: tall), Point(x: tall, y: -tall * 0.8), Point(x: -tall, y: -tall * 0.8),
      ]
    default:
      [
        Point(x: -side, y: -side), Point(x: side, y: -side), Point(x: side, y: side),
        Point(x: -side, y: side),
      ]
    }
  }
}
