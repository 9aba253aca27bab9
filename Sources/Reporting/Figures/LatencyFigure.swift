/// Latency where no accuracy was measured: a bar a row, with quartiles and speed-up.
struct LatencyFigure {
  private struct Bar {
    let row: Row
    let latency: LatencyFigures
    let label: String
  }

  private static let width = 720.0
  private static let barHeight = 13.0
  private static let pitch = 21.0
  private static let textSize = 11.0
  /// Room for the longest text at a bar's end.
  private static let endWidth = 150.0

  private let groups: [RowGroup]
  private let catalog: MethodCatalog

  /// Draws the tables of `report` without accuracy, or `only` one; `nil` where there is none.
  init?(_ report: Report, only group: RowGroup? = nil) {
    catalog = report.joined.catalog
    groups = (group.map { [$0] } ?? report.groups).filter { group in
      group.rows.contains { $0.latency != nil } && group.rows.allSatisfy { $0.accuracy == nil }
    }
    if groups.isEmpty { return nil }
  }

  func drawing() -> Markup {
    let shared = SharedTitle(groups)
    var nodes: [Markup] = []
    var y = 18.0
    for line in shared.heading {
      nodes.append(FigureText.node(line, at: Point(x: 12, y: y), size: 11.5))
      y += 16
    }
    var panels: [Markup] = []
    for group in groups {
      let drawn = panel(group, title: shared.panelTitle(of: group), top: y)
      panels.append(drawn.node)
      y += drawn.height
    }
    return Markup(
      "svg",
      [
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": .text("0 0 \(coordinate(Self.width)) \(coordinate(y + 6))"),
        "width": .number(Self.width), "height": .number(y + 6),
        "font-family": .text(FigureText.family), "role": "img",
      ],
      children: [
        Markup("title", text: "Latency of each row"),
        Markup(
          "rect",
          [
            "class": "page", "width": .number(Self.width), "height": .number(y + 6),
            "fill": "#ffffff",
          ]),
        .group("heading", nodes),
      ] + panels)
  }

  private func panel(_ group: RowGroup, title: String, top: Double) -> (
    node: Markup, height: Double
  ) {
    let bars = group.rows.compactMap { row in
      row.latency.map { Bar(row: row, latency: $0, label: row.label) }
    }
    let styles = MethodStyle.styles(for: bars.map(\.row.method.name), catalog)
    let wide = bars.map { FigureText.width($0.label, size: Self.textSize) }.max() ?? 0
    let left = 12 + min(wide, 280) + 8
    let longest = bars.map(\.latency.milliseconds.upperQuartile).max() ?? 1
    let scale = (Self.width - Self.endWidth - left) / max(longest, 1e-12)
    let start = top + (title.isEmpty ? 8 : 26)
    var nodes: [Markup] = []
    if !title.isEmpty {
      nodes.append(
        FigureText.node(title, at: Point(x: 12, y: top + 14), size: 11.5, bold: true))
    }
    for (index, bar) in bars.enumerated() {
      let middle = start + (Double(index) + 0.5) * Self.pitch
      nodes.append(
        draw(
          bar, middle: middle, left: left, scale: scale,
          color: styles[bar.row.method.name]?.color ?? FigureText.ink))
    }
    if let baseline = bars.first(where: \.row.isBaseline) {
      let x = left + baseline.latency.milliseconds.median * scale
      nodes.append(
        .line(
          from: Point(x: x, y: start), to: Point(x: x, y: start + Double(bars.count) * Self.pitch),
          stroke: "#999999", width: 0.9, dash: "2 3"))
    }
    return (.group("panel", nodes), start - top + Double(bars.count) * Self.pitch + 10)
  }

  private func draw(
    _ bar: Bar, middle: Double, left: Double, scale: Double, color: String
  ) -> Markup {
    let summary = bar.latency.milliseconds
    let quartiles = (left + summary.lowerQuartile * scale, left + summary.upperQuartile * scale)
    let end = max(left + summary.median * scale, quartiles.1)
    let text = "\(significant(summary.median)) ms" + (bar.row.speedup.map { ", \($0.text)" } ?? "")
    let box = Box(
      x: left, y: middle - Self.barHeight / 2, width: summary.median * scale,
      height: Self.barHeight)
    let label = FigureText.fitted(bar.label, width: 280, size: Self.textSize)
    return Markup(
      "g", ["class": "point", "data-method": .text(bar.row.method.name)],
      children: [
        Markup("title", text: "\(bar.row.label): \(bar.latency.text) ms\(bar.row.doubt)"),
        FigureText.node(
          label, at: Point(x: left - 8, y: middle + 3.8), size: Self.textSize, anchor: .end),
        .rectangle(box, fill: color, opacity: bar.row.isReliable ? 0.75 : 0.3),
        .line(
          from: Point(x: quartiles.0, y: middle), to: Point(x: quartiles.1, y: middle),
          stroke: FigureText.ink, width: 1.2),
        FigureText.node(
          text + bar.row.doubt, at: Point(x: end + 7, y: middle + 3.8), size: Self.textSize),
      ])
  }
}
