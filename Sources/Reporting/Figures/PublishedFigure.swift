import Measurement

/// Published and measured changes relative to the baseline, one panel per published table: hollow
/// marks for published values, filled marks for measured ones, connected by a line for each row.
struct PublishedFigure: ReportDrawing {
  static let name = "published"
  static let place = FigurePlace.withItsData

  private struct Item {
    let label: String
    let color: String
    let textColor: String
    /// The change of latency in percent and of top-1 in points.
    let published: (latency: Double, accuracy: Double)?
    let measured: (latency: Double, accuracy: Double)?
    let bars: (latency: Interval, accuracy: Interval)?
    /// The opacity of the measured mark.
    let opacity: Double
  }

  private struct Panel {
    let table: PublishedTable
    let items: [Item]
  }

  private let panels: [Panel]

  /// The meaning of the filled marks.
  private var kind: String {
    let simulated = panels.contains { $0.table.isSimulated }
    let measured = panels.contains { $0.table.isMeasured }
    return simulated ? measured ? "measured or simulated" : "simulated" : "measured"
  }

  var caption: String { "Published (hollow) and \(kind) (filled) changes" }

  /// `nil` unless a published line has both changes and a measured row.
  init?(_ report: Report) {
    let names = report.groups.flatMap { $0.rows.map(\.method.name) }
    let styles = MethodStyle.styles(for: names, report.joined.catalog)
    panels = report.published.compactMap { table in
      let items = table.lines.map { Self.item($0, styles) }
      guard items.contains(where: { $0.published != nil }),
        items.contains(where: { $0.measured != nil })
      else { return nil }
      return Panel(
        table: table, items: items.filter { $0.published != nil || $0.measured != nil })
    }
    if panels.isEmpty { return nil }
  }

  private static func item(
    _ line: PublishedTable.Line, _ styles: [String: MethodStyle]
  ) -> Item {
    let row = line.judged?.row
    let style = row.flatMap { styles[$0.method.name] }
    let isBaseline = row?.isBaseline == true
    let published = line.changePercent.flatMap { latency in
      line.deltaPoints.map { (latency: latency, accuracy: $0) }
    }
    let measured = row?.latencyChange.flatMap { latency in
      row?.change.map { (latency: latency.percent, accuracy: $0.points) }
    }
    let bars = row?.latencyChange.flatMap { latency in
      row?.change.map { (latency: latency.interval, accuracy: $0.interval) }
    }
    return Item(
      label: line.published.label, color: style?.color ?? "#888888",
      textColor: style?.textColor ?? FigureText.softInk,
      published: isBaseline ? nil : published, measured: measured, bars: bars,
      opacity: row?.speedup?.isReliable == false ? ParetoFigure.doubtOpacity : 1)
  }

  func drawing(_ layout: FigureLayout) -> Markup {
    let legend = [
      LegendEntry(text: "published") { Self.mark(at: $0, "#888888", isSolid: false) },
      LegendEntry(text: "\(kind), with 95 %") { Self.mark(at: $0, "#888888", isSolid: true) },
    ]
    let page = FigurePage(heading: [], legend: legend, panels: panels.count, layout: layout)
    let drawn = panels.enumerated().map { index, panel in
      draw(panel, page.area(of: index), layout)
    }
    return page.drawing(title: "Published and \(kind) changes", panels: drawn)
  }

  private static func mark(at point: Point, _ color: String, isSolid: Bool) -> Markup {
    MethodStyle(color: color, shape: .circle).marker(at: point, isSolid: isSolid)
  }

  private func draw(_ panel: Panel, _ area: Box, _ layout: FigureLayout) -> Markup {
    let pairs = panel.items.flatMap { [$0.published, $0.measured].compactMap { $0 } }
    let bars = panel.items.compactMap(\.bars)
    let plot = Plot(
      area: area,
      x: Scale(
        showing: pairs.map(\.latency) + bars.flatMap { [$0.latency.lower, $0.latency.upper] } + [0],
        from: area.x, to: area.maxX, spacing: 60),
      y: Scale(
        showing: pairs.map(\.accuracy)
          + bars.flatMap { [$0.accuracy.lower, $0.accuracy.upper] } + [0],
        from: area.maxY, to: area.y, spacing: 40),
      title: panel.table.numbers.source, xTitle: "Change of latency (%)",
      yTitle: "Change of top-1 (pp)")
    let zero = plot.point(0, 0)
    let axes = [
      Markup.line(
        from: Point(x: zero.x, y: area.y), to: Point(x: zero.x, y: area.maxY), stroke: "#999999",
        width: 0.9, dash: "2 3"),
      .line(
        from: Point(x: area.x, y: zero.y), to: Point(x: area.maxX, y: zero.y), stroke: "#999999",
        width: 0.9, dash: "2 3"),
    ]
    let labels = panel.items.compactMap { item in
      (item.published ?? item.measured).map { pair in
        LabelPlacement.Label(
          text: item.label, anchor: plot.point(pair.latency, pair.accuracy),
          size: layout.labelSize, color: item.textColor)
      }
    }
    let placement = LabelPlacement(
      bounds: area.outset(by: -1),
      obstacles: pairs.map { pair in
        let point = plot.point(pair.latency, pair.accuracy)
        return Box(x: point.x - 5, y: point.y - 5, width: 10, height: 10)
      }, soft: [])
    return .group(
      "panel",
      [
        plot.background, .group("baseline", axes),
        .group("error-bars", panel.items.flatMap { Self.bars($0, plot) }),
        .group("points", panel.items.flatMap { Self.points($0, plot) }),
        .group("labels", placement.place(labels).flatMap(\.nodes)),
      ])
  }

  /// The intervals of the measured values, and the line to the published ones.
  private static func bars(_ item: Item, _ plot: Plot) -> [Markup] {
    var nodes: [Markup] = []
    let middle = item.measured.map { plot.point($0.latency, $0.accuracy) }
    if let bars = item.bars, let middle {
      let x = [bars.latency.lower, bars.latency.upper].map { coordinate(plot.x($0)) }
      let y = [bars.accuracy.upper, bars.accuracy.lower].map { coordinate(plot.y($0)) }
      nodes.append(
        Markup(
          "path",
          [
            "d": .text(
              "M\(x[0]),\(coordinate(middle.y))H\(x[1])M\(coordinate(middle.x)),\(y[0])V\(y[1])"),
            "fill": "none", "stroke": .text(item.color), "stroke-width": 1,
            "stroke-opacity": .number(0.6 * item.opacity),
          ]))
    }
    if let published = item.published, let middle {
      nodes.append(
        .line(
          from: plot.point(published.latency, published.accuracy), to: middle, stroke: item.color,
          width: 1, dash: "4 3"
        ).with("stroke-opacity", 0.6))
    }
    return nodes
  }

  private static func points(_ item: Item, _ plot: Plot) -> [Markup] {
    [("published", item.published, false), ("measured", item.measured, true)].compactMap {
      kind, pair, isSolid in
      pair.map { pair in
        let isDoubtful = isSolid && item.opacity < 1
        let point = Markup(
          "g", ["class": "point"],
          children: [
            Markup(
              "title",
              text: "\(item.label), \(kind): latency \(signed(pair.latency, digits: 1)) %, "
                + "top-1 \(signed(pair.accuracy, digits: 2)) pp"
                + (isDoubtful ? ", timing not reliable" : "")),
            mark(at: plot.point(pair.latency, pair.accuracy), item.color, isSolid: isSolid),
          ])
        return isDoubtful ? point.with("opacity", .number(item.opacity)) : point
      }
    }
  }
}
