extension Markup {
  /// A complete drawing on a white page; `width` and `height` are in pixels.
  ///
  /// - Parameter definitions: Elements that are referenced but not drawn themselves.
  static func page(
    title: String, width: Double, height: Double, definitions: [Markup] = [], _ nodes: [Markup]
  ) -> Markup {
    let paper = Markup(
      "rect",
      ["class": "page", "width": .number(width), "height": .number(height), "fill": "#ffffff"])
    return Markup(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": .text("0 0 \(coordinate(width)) \(coordinate(height))"),
        "width": .number(width), "height": .number(height),
        "font-family": .text(FigureText.family), "role": "img",
      ],
      children: [Markup("title", text: title)] + definitions + [paper] + nodes)
  }

  /// A named group of elements.
  static func group(_ name: String, _ children: [Markup]) -> Markup {
    Markup("g", ["class": .text(name)], children: children)
  }

  static func line(
    from start: Point, to end: Point, stroke: String, width: Double, dash: String? = nil
  ) -> Markup {
    let node = Markup(
      "line",
      [
        "x1": .number(start.x), "y1": .number(start.y), "x2": .number(end.x), "y2": .number(end.y),
        "stroke": .text(stroke), "stroke-width": .number(width),
      ])
    return dash.map { node.with("stroke-dasharray", .text($0)) } ?? node
  }

  /// An unfilled line through points.
  static func polyline(_ points: [Point], stroke: String, width: Double) -> Markup {
    Markup(
      "polyline",
      [
        "points": .text(list(points)), "fill": "none", "stroke": .text(stroke),
        "stroke-width": .number(width), "stroke-linejoin": "round",
      ])
  }

  /// A filled polygon without a stroke.
  static func polygon(_ points: [Point], fill: String, opacity: Double) -> Markup {
    Markup(
      "polygon",
      ["points": .text(list(points)), "fill": .text(fill), "fill-opacity": .number(opacity)])
  }

  private static func list(_ points: [Point]) -> String {
    points.map { "\(coordinate($0.x)),\(coordinate($0.y))" }.joined(separator: " ")
  }
}
