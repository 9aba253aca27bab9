/// One element of an SVG drawing, with its attributes in the order they are written.
///
/// Attribute values and text are escaped when rendered; numbers have at most two decimals.
struct SVGNode {
  enum Value: ExpressibleByStringLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringInterpolation
  {
    case text(String)
    case number(Double)

    init(stringLiteral value: String) { self = .text(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }

    var rendered: String {
      switch self {
      case .text(let text): escapedXML(text)
      case .number(let number): coordinate(number)
      }
    }
  }

  var name: String
  var attributes: [(name: String, value: Value)]
  var children: [SVGNode]
  var text: String?

  init(
    _ name: String, _ attributes: KeyValuePairs<String, Value> = [:], text: String? = nil,
    children: [SVGNode] = []
  ) {
    self.name = name
    self.attributes = attributes.map { ($0.key, $0.value) }
    self.children = children
    self.text = text
  }

  /// The element with `value` for `attribute`, added or replaced.
  func with(_ attribute: String, _ value: Value) -> SVGNode {
    var copy = self
    copy.attributes.removeAll { $0.name == attribute }
    copy.attributes.append((attribute, value))
    return copy
  }

  /// The name of a group's kind; `nil` for elements without one.
  var className: String? { attributes.first { $0.name == "class" }?.value.rendered }

  /// The element as text, one line an element.
  func rendered(indent: Int = 0) -> String {
    var lines: [String] = []
    append(to: &lines, indent: indent)
    return lines.joined(separator: "\n")
  }

  private func append(to lines: inout [String], indent: Int) {
    let space = String(repeating: " ", count: indent)
    let list = attributes.map { " \($0.name)=\"\($0.value.rendered)\"" }.joined()
    if children.isEmpty {
      let end = text.map { ">\(escapedXML($0))</\(name)>" } ?? "/>"
      lines.append("\(space)<\(name)\(list)\(end)")
      return
    }
    lines.append("\(space)<\(name)\(list)>\(text.map(escapedXML) ?? "")")
    for child in children { child.append(to: &lines, indent: indent + 1) }
    lines.append("\(space)</\(name)>")
  }
}

extension SVGNode {
  /// Elements drawn together.
  static func group(_ name: String, _ children: [SVGNode]) -> SVGNode {
    SVGNode("g", ["class": .text(name)], children: children)
  }

  static func line(
    from start: Point, to end: Point, stroke: String, width: Double, dash: String? = nil
  ) -> SVGNode {
    let node = SVGNode(
      "line",
      [
        "x1": .number(start.x), "y1": .number(start.y), "x2": .number(end.x), "y2": .number(end.y),
        "stroke": .text(stroke), "stroke-width": .number(width),
      ])
    return dash.map { node.with("stroke-dasharray", .text($0)) } ?? node
  }

  /// A line through points, not filled.
  static func polyline(_ points: [Point], stroke: String, width: Double) -> SVGNode {
    SVGNode(
      "polyline",
      [
        "points": .text(list(points)), "fill": "none", "stroke": .text(stroke),
        "stroke-width": .number(width), "stroke-linejoin": "round",
      ])
  }

  /// A filled area without an edge.
  static func polygon(_ points: [Point], fill: String, opacity: Double) -> SVGNode {
    SVGNode(
      "polygon",
      ["points": .text(list(points)), "fill": .text(fill), "fill-opacity": .number(opacity)])
  }

  private static func list(_ points: [Point]) -> String {
    points.map { "\(coordinate($0.x)),\(coordinate($0.y))" }.joined(separator: " ")
  }
}

/// A place on the page, in pixels from the top left.
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

  /// Pixels between the nearest edges; 0 where the boxes touch.
  func distance(to other: Box) -> Double {
    let wide = max(0, max(x, other.x) - min(maxX, other.maxX))
    let high = max(0, max(y, other.y) - min(maxY, other.maxY))
    return (wide * wide + high * high).squareRoot()
  }

  /// The area that both cover.
  func overlap(with other: Box) -> Double {
    let wide = min(maxX, other.maxX) - max(x, other.x)
    let high = min(maxY, other.maxY) - max(y, other.y)
    return wide > 0 && high > 0 ? wide * high : 0
  }
}

/// A coordinate with at most two decimals.
func coordinate(_ value: Double) -> String { trimmed(value, digits: 2) }

/// Text with the five characters escaped that XML and HTML give a meaning; control characters,
/// which XML forbids, become spaces.
func escapedXML(_ text: String) -> String {
  var escaped = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "&": escaped += "&amp;"
    case "<": escaped += "&lt;"
    case ">": escaped += "&gt;"
    case "\"": escaped += "&quot;"
    case "'": escaped += "&#39;"
    case "\n", "\t": escaped.unicodeScalars.append(scalar)
    default:
      escaped.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
    }
  }
  return escaped
}
