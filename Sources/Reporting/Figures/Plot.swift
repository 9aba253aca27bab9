/// The frame of one panel: its scales, grid lines, ticks and titles.
struct Plot {
  let area: Box
  let x: Scale
  let y: Scale
  let title: String
  let xTitle: String
  let yTitle: String
  private static let tickSize = FigureText.size
  private static let titleLineHeight = 14.0

  /// The position of a pair of values.
  func point(_ valueX: Double, _ valueY: Double) -> Point {
    Point(x: x(valueX), y: y(valueY))
  }

  /// Everything behind the data.
  var background: Markup {
    let frame = Markup.polyline(
      [
        Point(x: area.x, y: area.y), Point(x: area.x, y: area.maxY),
        Point(x: area.maxX, y: area.maxY),
      ], stroke: FigureText.ink, width: 0.9)
    return .group("axes", [.group("ticks", ticks), frame] + titles)
  }

  private var ticks: [Markup] {
    var nodes: [Markup] = []
    for tick in y.ticks {
      let height = y(tick)
      nodes.append(
        .line(
          from: Point(x: area.x, y: height), to: Point(x: area.maxX, y: height), stroke: "#e6e6e6",
          width: 0.8))
      nodes.append(
        FigureText.node(
          y.label(tick), at: Point(x: area.x - 7, y: height + 4.1), size: Self.tickSize,
          anchor: .end))
    }
    for tick in x.ticks {
      let place = x(tick)
      nodes.append(
        .line(
          from: Point(x: place, y: area.maxY), to: Point(x: place, y: area.maxY + 4),
          stroke: FigureText.ink, width: 0.9))
      nodes.append(
        FigureText.node(
          x.label(tick), at: Point(x: place, y: area.maxY + 16), size: Self.tickSize,
          anchor: .middle))
    }
    return nodes
  }

  /// The title in at most two lines.
  private var titleLines: [String] {
    let size = FigureText.size * 1.06
    let lines = FigureText.wrapped(title, width: area.width + 12, size: size)
    // Panels often differ only at the end of their titles, so a second line is used before
    // truncating.
    return [lines.first ?? "", lines.dropFirst().joined(separator: " ")].filter { !$0.isEmpty }
      .map { FigureText.fitted($0, width: area.width + 12, size: size) }
  }

  private var titles: [Markup] {
    let middle = area.center
    let widest = y.ticks.map { FigureText.width(y.label($0), size: Self.tickSize) }.max() ?? 0
    let left = area.x - widest - 18
    let lines = titleLines
    return lines.enumerated().map { index, line in
      let above = 9 + Self.titleLineHeight * Double(lines.count - 1 - index)
      return FigureText.node(line, at: Point(x: area.x, y: area.y - above), bold: true)
    } + [
      FigureText.node(
        xTitle, at: Point(x: middle.x, y: area.maxY + 36), anchor: .middle),
      FigureText.node(
        yTitle, at: Point(x: left, y: middle.y), anchor: .middle
      ).with("class", "y-title").with(
        "transform", .text("rotate(-90 \(coordinate(left)) \(coordinate(middle.y)))")),
    ]
  }
}
