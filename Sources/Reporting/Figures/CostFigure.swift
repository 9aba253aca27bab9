import Records

/// Accuracy over cost for reports without latency: top-1 over the MACs of one image.
struct CostFigure: TableDrawing {
  static let name = "cost"
  static let place = FigurePlace.aboveTable

  private struct Item {
    /// Its index in the table.
    let index: Int
    let row: Row
    let accuracy: AccuracyFigures
    let gigaMACs: Double
  }

  private let groups: [RowGroup]
  private let catalog: MethodCatalog

  /// Draws the tables of `report` without latency, or `only` one; `nil` if there is none.
  init?(_ report: Report, only group: RowGroup?) {
    catalog = report.joined.catalog
    groups = (group.map { [$0] } ?? report.tables).filter { group in
      group.rows.contains { $0.accuracy != nil && $0.macs != nil }
        && group.rows.allSatisfy { $0.latency == nil }
    }
    if groups.isEmpty { return nil }
  }

  var caption: String { "Accuracy against the multiply-adds of one image" }

  func drawing(_ layout: FigureLayout) -> Markup {
    let shared = SharedTitle(groups)
    let names = groups.flatMap { $0.rows.map(\.method.name) }
    let styles = MethodStyle.styles(for: names, catalog)
    let ordered = styles.sorted {
      catalog.precedes(
        MethodSetting(name: $0.key, parameters: [:]), MethodSetting(name: $1.key, parameters: [:]))
    }
    let legend = ordered.map { name, style in
      LegendEntry(text: name) { style.marker(at: $0, isSolid: true) }
    }
    let bars = LegendEntry(text: "bars: 95 % of accuracy") { point in
      .line(
        from: Point(x: point.x, y: point.y - 5), to: Point(x: point.x, y: point.y + 5),
        stroke: "#888888", width: 1)
    }
    let page = FigurePage(
      heading: shared.heading, legend: legend + [bars], panels: groups.count, layout: layout)
    let panels = groups.enumerated().map { index, group in
      panel(group, shared.panelTitle(of: group), page.area(of: index), styles, layout)
    }
    return page.drawing(title: "Accuracy against multiply-adds", panels: panels)
  }

  private func panel(
    _ group: RowGroup, _ title: String, _ area: Box, _ styles: [String: MethodStyle],
    _ layout: FigureLayout
  ) -> Markup {
    let items = group.rows.enumerated().compactMap { index, row -> Item? in
      guard let accuracy = row.accuracy, let macs = row.macs else { return nil }
      return Item(index: index, row: row, accuracy: accuracy, gigaMACs: Double(macs) / 1e9)
    }
    let plot = Plot(
      area: area,
      x: Scale(
        showing: items.map(\.gigaMACs), from: area.x, to: area.maxX, spacing: 60,
        limits: 0 ... .infinity),
      y: Scale(
        showing: items.flatMap {
          [$0.accuracy.top1Interval.lower, $0.accuracy.top1Interval.upper]
        }, from: area.maxY, to: area.y, spacing: 40, limits: 0...100),
      title: title, xTitle: "Multiply-adds of one image (billions)", yTitle: "Top-1 accuracy (%)")
    func center(_ item: Item) -> Point {
      plot.point(item.gigaMACs, item.accuracy.top1Percent)
    }
    func color(_ item: Item) -> String {
      styles[item.row.method.name]?.color ?? FigureText.ink
    }
    let bars = items.map { item in
      Markup.line(
        from: Point(x: center(item).x, y: plot.y(item.accuracy.top1Interval.upper)),
        to: Point(x: center(item).x, y: plot.y(item.accuracy.top1Interval.lower)),
        stroke: color(item), width: 1
      ).with("stroke-opacity", 0.6).with("data-method", .text(item.row.method.name))
        .with("data-row", .text("\(item.index)"))
    }
    let points = items.compactMap { item -> Markup? in
      styles[item.row.method.name].map { style in
        Markup(
          "g",
          [
            "class": "point", "data-method": .text(item.row.method.name),
            "data-row": .text("\(item.index)"),
          ],
          children: [
            Markup(
              "title",
              text: "\(item.row.label): \(item.accuracy.top1Text) %, "
                + "\(significant(item.gigaMACs, 3)) GMACs"),
            style.marker(at: center(item), isSolid: true),
          ])
      }
    }
    let placement = LabelPlacement(
      bounds: area.outset(by: -1),
      obstacles: items.map {
        Box(x: center($0).x - 5, y: center($0).y - 5, width: 10, height: 10)
      }, soft: [])
    let labels = placement.place(
      items.map { item in
        LabelPlacement.Label(
          text: item.row.isBaseline ? "baseline" : item.row.parameters, anchor: center(item),
          size: layout.labelSize, color: styles[item.row.method.name]?.textColor ?? FigureText.ink,
          method: item.row.method.name)
      }.filter { !$0.text.isEmpty })
    return .group(
      "panel",
      [
        plot.background, .group("error-bars", bars), .group("points", points),
        .group(
          "labels",
          labels.map { placed in
            Markup("g", ["data-method": .text(placed.label.method ?? "")], children: placed.nodes)
          }),
      ])
  }
}
