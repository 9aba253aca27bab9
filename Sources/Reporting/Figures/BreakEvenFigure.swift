import Foundation

/// The speed-up over batch size and tokens removed, one panel per method: blue if it is faster than
/// the baseline, orange if it is slower, framed if the difference is within noise.
struct BreakEvenFigure: ReportDrawing {
  static let name = "break_even"
  static let place = FigurePlace.section("Where each method beats the baseline")

  private static let textSize = FigureText.size
  private let maps: [BreakEven]

  /// `nil` unless several batch sizes were timed.
  init?(_ report: Report) {
    maps = report.breakEvens
    if maps.isEmpty { return nil }
  }

  var caption: String { "Speed-up by batch size and tokens removed" }

  func drawing(_ layout: FigureLayout) -> Markup {
    let groups = maps.map {
      RowGroup(
        model: $0.model, weights: nil, dataset: nil, device: $0.device, batchSize: nil,
        precision: $0.precision, rows: [])
    }
    let shared = SharedTitle(groups)
    let page = FigurePage(
      heading: shared.heading, legend: legend, panels: maps.count, layout: layout)
    let panels = zip(maps, groups).enumerated().map { index, pair in
      let place = shared.panelTitle(of: pair.1)
      let title = pair.0.methodName + (place.isEmpty ? "" : " · \(place)")
      return panel(pair.0, title: title, area: page.area(of: index))
    }
    return page.drawing(title: "Where pruning beats the baseline", panels: panels)
  }

  private var legend: [LegendEntry] {
    [
      .cell("twice as fast", color: Self.color(of: 2)),
      .cell("1.2×", color: Self.color(of: 1.2)),
      .cell("as the baseline", color: Self.color(of: 1)),
      .cell("slower, 0.8×", color: Self.color(of: 0.8)),
      LegendEntry(text: "dotted: within noise") { point in
        Markup(
          "rect",
          [
            "x": .number(point.x - 8), "y": .number(point.y - 5), "width": 16, "height": 10,
            "fill": "none", "stroke": .text(FigureText.softInk), "stroke-dasharray": "2 2",
          ])
      },
    ]
  }

  /// Blue above 1, orange below, white at 1; saturated at twice and half the speed.
  static func color(of ratio: Double) -> String {
    let share = min(1, abs(log2(max(ratio, 1e-6))))
    let end: [Double] = ratio >= 1 ? [5, 97, 165] : [204, 85, 0]
    let mixed = end.map { Int((255 + ($0 - 255) * pow(share, 0.7)).rounded()) }
    return "#" + mixed.map { String(format: "%02X", $0) }.joined()
  }

  private func panel(_ map: BreakEven, title: String, area: Box) -> Markup {
    let batches = map.batchSizes
    let removed = map.removedTokens
    let wide = area.width / Double(batches.count)
    let edges = edges(of: removed, area)
    var nodes: [Markup] = []
    for cell in map.cells {
      guard let column = batches.firstIndex(of: cell.batchSize),
        let row = removed.firstIndex(of: cell.removedTokens)
      else { continue }
      nodes.append(
        draw(
          cell,
          Box(
            x: area.x + Double(column) * wide, y: edges[row + 1], width: wide,
            height: edges[row] - edges[row + 1])))
    }
    return .group("panel", [.group("points", nodes), axes(batches, removed, edges, title, area)])
  }

  /// The edges of the rows from the bottom up, half way between neighbors.
  private func edges(of removed: [Int], _ area: Box) -> [Double] {
    let values = removed.map(Double.init)
    guard let first = values.first, let last = values.last, values.count > 1 else { return [] }
    let inner = zip(values, values.dropFirst()).map { ($0 + $1) / 2 }
    let ends = (first - (inner[0] - first), last + (last - inner[inner.count - 1]))
    return ([ends.0] + inner + [ends.1]).map {
      area.maxY - ($0 - ends.0) / (ends.1 - ends.0) * area.height
    }
  }

  private func draw(_ cell: BreakEven.Cell, _ box: Box) -> Markup {
    var frame = Markup(
      "rect",
      [
        "x": .number(box.x + 0.5), "y": .number(box.y + 0.5), "width": .number(box.width - 1),
        "height": .number(max(0.5, box.height - 1)),
        "fill": .text(Self.color(of: cell.speedup.ratio)),
      ])
    if cell.speedup.isWithinNoise {
      frame = frame.with("stroke", .text(FigureText.softInk)).with("stroke-dasharray", "2 2")
    }
    let label = ParameterText(methods: [cell.method]).text(for: cell.method)
    let ratio = "\(fixed(cell.speedup.ratio, digits: 2))×"
    let interval = cell.speedup.interval
    let text =
      "\(label), batch \(cell.batchSize): \(ratio) "
      + "(\(fixed(interval.lower, digits: 2))–\(fixed(interval.upper, digits: 2)))"
    var children = [Markup("title", text: text), frame]
    if box.height >= Self.textSize + 3, box.width > FigureText.width(ratio, size: Self.textSize) + 4
    {
      let isDark = abs(log2(max(cell.speedup.ratio, 1e-6))) > 0.55
      children.append(
        FigureText.node(
          ratio, at: Point(x: box.center.x, y: box.center.y + 4.1), size: Self.textSize,
          anchor: .middle, color: isDark ? "#ffffff" : FigureText.ink))
    }
    return Markup("g", ["class": "point cell"], children: children)
  }

  private func axes(
    _ batches: [Int], _ removed: [Int], _ edges: [Double], _ title: String, _ area: Box
  ) -> Markup {
    let wide = area.width / Double(batches.count)
    var nodes: [Markup] = [
      FigureText.node(title, at: Point(x: area.x, y: area.y - 9), bold: true),
      FigureText.node(
        "Batch size", at: Point(x: area.center.x, y: area.maxY + 35), anchor: .middle),
      FigureText.node(
        "Tokens removed at the end", at: Point(x: area.x - 38, y: area.center.y),
        anchor: .middle
      ).with(
        "transform",
        .text("rotate(-90 \(coordinate(area.x - 38)) \(coordinate(area.center.y)))")),
    ]
    for (i, batch) in batches.enumerated() {
      nodes.append(
        FigureText.node(
          "\(batch)", at: Point(x: area.x + (Double(i) + 0.5) * wide, y: area.maxY + 16),
          anchor: .middle))
    }
    var free = Double.infinity
    for (i, count) in removed.enumerated() {
      let middle = (edges[i] + edges[i + 1]) / 2
      guard middle + 12 <= free else { continue }
      free = middle
      nodes.append(
        FigureText.node(
          "\(count)", at: Point(x: area.x - 7, y: middle + 3.7), anchor: .end))
    }
    return .group("axes", nodes)
  }
}

extension LegendEntry {
  /// An entry whose symbol is a filled cell.
  static func cell(_ text: String, color: String) -> LegendEntry {
    LegendEntry(text: text) { point in
      Markup(
        "rect",
        [
          "x": .number(point.x - 8), "y": .number(point.y - 5), "width": 16, "height": 10,
          "fill": .text(color), "stroke": "#bbbbbb", "stroke-width": 0.6,
        ])
    }
  }
}
