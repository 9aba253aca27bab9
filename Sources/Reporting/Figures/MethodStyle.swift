import Foundation

/// Color and marker of a method, the same in every figure.
///
/// Colors are Okabe and Ito's (2008), which color-blind readers can tell apart; the shape says
/// the same for print in grey. Yellow is left out: it is too light on paper.
struct MethodStyle: Hashable, Sendable {
  enum Shape: Hashable, Sendable { case circle, square, diamond, triangle, triangleDown, cross }

  let color: String
  let shape: Shape

  private static let known: [String: MethodStyle] = [
    "none": MethodStyle(color: "#000000", shape: .square),
    "random": MethodStyle(color: "#7F7F7F", shape: .cross),
    "topk": MethodStyle(color: "#56B4E9", shape: .triangle),
    "evit": MethodStyle(color: "#E69F00", shape: .triangleDown),
    "tome": MethodStyle(color: "#009E73", shape: .diamond),
    "tail_effect": MethodStyle(color: "#D55E00", shape: .circle),
    "compose": MethodStyle(color: "#CC79A7", shape: .square),
  ]
  private static let others = [
    MethodStyle(color: "#0072B2", shape: .diamond), MethodStyle(color: "#0072B2", shape: .triangle),
    MethodStyle(color: "#0072B2", shape: .circle), MethodStyle(color: "#0072B2", shape: .square),
  ]

  /// Styles for `methods`; methods added later than this table share blue and differ in shape.
  static func styles(for methods: [String]) -> [String: MethodStyle] {
    var styles: [String: MethodStyle] = [:]
    for method in methods.filter({ known[$0] == nil }).sorted() where styles[method] == nil {
      styles[method] = others[styles.count % others.count]
    }
    for method in methods { styles[method] = known[method] ?? styles[method] }
    return styles
  }

  /// The color mixed with a third of black, so that small letters stay legible on white.
  var textColor: String {
    guard let value = Int(color.dropFirst(), radix: 16) else { return color }
    let mixed = [16, 8, 0].map { shift in (value >> shift & 0xFF) * 2 / 3 }
    return "#" + mixed.map { String(format: "%02X", $0) }.joined()
  }

  /// The marker around `point`: filled when `isSolid`, else an outline.
  func marker(at point: Point, isSolid: Bool, size: Double = 4.2) -> SVGNode {
    let fill: SVGNode.Value = isSolid ? .text(color) : "#ffffff"
    let stroke: SVGNode.Value = .text(color)
    switch shape {
    case .circle:
      return SVGNode(
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
      return SVGNode(
        "path",
        ["d": .text(d), "fill": "none", "stroke": stroke, "stroke-width": isSolid ? 2.4 : 1.3])
    default:
      let corners = corners(size: size).map { Point(x: point.x + $0.x, y: point.y + $0.y) }
      let list = corners.map { "\(coordinate($0.x)),\(coordinate($0.y))" }.joined(separator: " ")
      return SVGNode(
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
