/// Latency without accuracy: one bar per row, with quartiles and speed-up.
struct LatencyFigure: TableDrawing {
  static let name = "latency"
  static let place = FigurePlace.aboveTable

  private struct Bar {
    /// Its index in the table.
    let index: Int
    let row: Row
    let latency: LatencyFigures
  }

  /// The positions of the bars' parts.
  private struct Measures {
    let width: Double
    /// The distance from one bar to the next.
    let pitch: Double
    /// The distance of a bar's middle from the top of its strip.
    let middle: Double
    /// The start of the bars, and the right limit of their texts.
    let left: Double
    let longest: Double
    /// Whether a row's name is above its bar instead of to its left.
    let stacks: Bool

    init(_ layout: FigureLayout, labels: [String]) {
      stacks = layout == .narrow
      width = stacks ? 348 : 720
      pitch = stacks ? 39 : 22
      middle = stacks ? 26 : 11
      let widest = labels.map { FigureText.width($0, size: FigureText.size) }.max() ?? 0
      left = stacks ? 4 : 12 + min(widest, LatencyFigure.labelWidth) + 8
      longest = width - LatencyFigure.endWidth
    }
  }

  private static let barHeight = 13.0
  private static let labelWidth = 290.0
  /// Room for the longest text at a bar's end.
  private static let endWidth = 130.0

  private let groups: [RowGroup]
  private let catalog: MethodCatalog

  var caption: String { "Latency of each row, with quartiles and speed-up" }

  /// Draws the tables of `report` without accuracy, or `only` one; `nil` if there is none.
  init?(_ report: Report, only group: RowGroup?) {
    catalog = report.joined.catalog
    groups = (group.map { [$0] } ?? report.tables).filter { group in
      group.rows.contains { $0.latency != nil } && group.rows.allSatisfy { $0.accuracy == nil }
    }
    if groups.isEmpty { return nil }
  }

  func drawing(_ layout: FigureLayout) -> Markup {
    let labels = groups.flatMap { $0.rows.filter { $0.latency != nil }.map(\.label) }
    let measures = Measures(layout, labels: labels)
    let shared = SharedTitle(groups)
    var nodes: [Markup] = []
    var y = 18.0
    let heading = shared.heading.flatMap {
      FigureText.wrapped($0, width: measures.width - 8, size: FigureText.size)
    }
    for line in heading {
      nodes.append(FigureText.node(line, at: Point(x: 4, y: y)))
      y += 17
    }
    var panels: [Markup] = []
    for group in groups {
      let drawn = panel(group, title: shared.panelTitle(of: group), top: y, measures)
      panels.append(drawn.node)
      y += drawn.height
    }
    return .page(
      title: "Latency of each row", width: measures.width, height: y + 6,
      [.group("heading", nodes)] + panels)
  }

  private func panel(
    _ group: RowGroup, title: String, top: Double, _ measures: Measures
  ) -> (node: Markup, height: Double) {
    let bars = group.rows.enumerated().compactMap { index, row in
      row.latency.map { Bar(index: index, row: row, latency: $0) }
    }
    let styles = MethodStyle.styles(for: bars.map(\.row.method.name), catalog)
    let longest = bars.map(\.latency.milliseconds.upperQuartile).max() ?? 1
    let scale = (measures.longest - measures.left) / max(longest, 1e-12)
    let start = top + (title.isEmpty ? 8 : 26)
    var nodes: [Markup] = []
    if !title.isEmpty {
      nodes.append(FigureText.node(title, at: Point(x: 4, y: top + 14), bold: true))
    }
    let height = Double(bars.count) * measures.pitch
    if let baseline = bars.first(where: \.row.isBaseline) {
      let x = measures.left + baseline.latency.milliseconds.median * scale
      nodes.append(
        .line(
          from: Point(x: x, y: start), to: Point(x: x, y: start + height), stroke: "#999999",
          width: 0.9, dash: "2 3"))
    }
    for (place, bar) in bars.enumerated() {
      nodes.append(
        draw(
          bar, top: start + Double(place) * measures.pitch, scale: scale,
          color: styles[bar.row.method.name]?.color ?? FigureText.ink, measures))
    }
    return (.group("panel", nodes), start - top + height + 10)
  }

  private func draw(
    _ bar: Bar, top: Double, scale: Double, color: String, _ measures: Measures
  ) -> Markup {
    let summary = bar.latency.milliseconds
    let (left, middle) = (measures.left, top + measures.middle)
    let quartiles = (left + summary.lowerQuartile * scale, left + summary.upperQuartile * scale)
    let end = max(left + summary.median * scale, quartiles.1)
    // An unreliable speed-up ends with the mark itself.
    let doubt = bar.row.speedup?.isReliable == false ? "" : bar.row.doubt
    let text =
      "\(significant(summary.median)) ms" + (bar.row.speedup.map { ", \($0.text)" } ?? "") + doubt
    let box = Box(
      x: left, y: middle - Self.barHeight / 2, width: summary.median * scale,
      height: Self.barHeight)
    let room = measures.stacks ? measures.width - 8 : Self.labelWidth
    let label = FigureText.fitted(bar.row.label, width: room, size: FigureText.size)
    let name =
      measures.stacks
      ? FigureText.node(label, at: Point(x: left, y: top + 15))
      : FigureText.node(label, at: Point(x: left - 8, y: middle + 4.1), anchor: .end)
    return Markup(
      "g",
      [
        "class": "point", "data-method": .text(bar.row.method.name),
        "data-row": .text("\(bar.index)"),
      ],
      children: [
        Markup("title", text: "\(bar.row.label): \(bar.latency.text) ms\(bar.row.doubt)"), name,
        .rectangle(box, fill: color, opacity: bar.row.isReliable ? 0.75 : 0.3),
        .line(
          from: Point(x: quartiles.0, y: middle), to: Point(x: quartiles.1, y: middle),
          stroke: FigureText.ink, width: 1.2),
        // The baseline's line runs below the texts, not through them.
        FigureText.node(text, at: Point(x: end + 7, y: middle + 4.1))
          .with("stroke", "#ffffff").with("stroke-width", 2.6).with("paint-order", "stroke"),
      ])
  }
}
