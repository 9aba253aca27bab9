import Measurement
import Records

/// Accuracy against latency, one panel a table: every row a point with its intervals, and the
/// front as the line of what is best within a latency.
struct ParetoFigure {
  private struct Item {
    let row: Row
    let accuracy: AccuracyFigures
    let latency: LatencyFigures
    let shortLabel: String
    /// Whether the row lies so far below the others that it is drawn as an arrow at the lower edge.
    var isClipped = false
  }

  private static let labelSize = 9.5
  /// With more points than this, only those on the front are named.
  private static let maxLabels = 28

  private let groups: [RowGroup]
  private let parameterText: ParameterText
  private let catalog: MethodCatalog

  /// Draws every table of `report`, or `only` one; `nil` when no row has accuracy and latency.
  init?(_ report: Report, only group: RowGroup? = nil) {
    groups = (group.map { [$0] } ?? report.tables).filter { group in
      group.rows.contains { $0.accuracy != nil && $0.latency != nil }
    }
    parameterText = report.parameterText
    catalog = report.joined.catalog
    if groups.isEmpty { return nil }
  }

  func drawing() -> Markup {
    let shared = SharedTitle(groups)
    let methods = groups.flatMap { $0.rows.map(\.method.name) }
    let styles = MethodStyle.styles(for: methods, catalog)
    let page = FigurePage(heading: shared.heading, legend: legend(styles), panels: groups.count)
    let panels = groups.enumerated().map { index, group in
      panel(group, title: shared.panelTitle(of: group), area: page.area(of: index), styles)
    }
    return page.drawing(title: "Accuracy against latency", panels: panels)
  }

  private func legend(_ styles: [String: MethodStyle]) -> [LegendEntry] {
    let names = styles.keys.sorted {
      catalog.precedes(
        MethodSetting(name: $0, parameters: [:]), MethodSetting(name: $1, parameters: [:]))
    }
    let methods = names.compactMap { name in
      styles[name].map { style in
        LegendEntry(text: name == catalog.baseline?.name ? "\(name) (baseline)" : name) {
          style.marker(at: $0, isSolid: true)
        }
      }
    }
    return methods + [
      LegendEntry(text: "Pareto front") { point in
        .line(
          from: Point(x: point.x - 9, y: point.y), to: Point(x: point.x + 9, y: point.y),
          stroke: Self.frontColor, width: 1.6)
      },
      LegendEntry(text: "outlined: not on the front") { point in
        Markup(
          "circle",
          [
            "cx": .number(point.x), "cy": .number(point.y), "r": 3.8, "fill": "#ffffff",
            "stroke": "#888888", "stroke-width": 1.3,
          ])
      },
      LegendEntry(text: "bars: 95 % of accuracy, quartiles of latency") { point in
        Markup(
          "path",
          [
            "d": .text(
              "M\(coordinate(point.x - 6)),\(coordinate(point.y))h12"
                + "M\(coordinate(point.x)),\(coordinate(point.y - 5))v10"),
            "stroke": "#888888", "stroke-width": 1, "fill": "none",
          ])
      },
    ]
  }

  /// Points of unreliable timings are pale.
  private static let doubtOpacity = 0.35
  private static let frontColor = "#8a8a8a"

  private func panel(
    _ group: RowGroup, title: String, area: Box, _ styles: [String: MethodStyle]
  ) -> Markup {
    let items = Self.clipped(
      group.rows.compactMap { row -> Item? in
        guard let accuracy = row.accuracy, let latency = row.latency else { return nil }
        return Item(
          row: row, accuracy: accuracy, latency: latency,
          shortLabel: group.isOfModels
            ? row.method.name : row.isBaseline ? "baseline" : shortLabel(row))
      })
    let plot = Plot(
      area: area,
      x: Scale(
        showing: items.flatMap {
          [
            $0.latency.milliseconds.lowerQuartile, $0.latency.milliseconds.median,
            $0.latency.milliseconds.upperQuartile,
          ]
        }, from: area.x, to: area.maxX, spacing: 60, limits: 0 ... .infinity, allowsLogarithm: true
      ),
      y: Scale(
        showing: items.filter { !$0.isClipped }.flatMap {
          [$0.accuracy.top1Interval.lower, $0.accuracy.top1Interval.upper]
        },
        from: area.maxY, to: area.y, spacing: 40, limits: 0...100),
      title: title, xTitle: "Latency (ms per batch, median)", yTitle: "Top-1 accuracy (%)")
    let front = front(of: items, plot)
    var nodes = [plot.background]
    nodes += baselineLine(items, plot)
    nodes.append(.polyline(front, stroke: Self.frontColor, width: 1.6))
    nodes.append(.group("trends", trends(items, plot, styles)))
    nodes.append(.group("error-bars", items.map { errorBars($0, plot, styles) }))
    nodes.append(.group("points", items.map { marker($0, plot, styles) }))
    nodes.append(.group("labels", labels(items, front, plot, styles)))
    return .group("panel", nodes)
  }

  private func shortLabel(_ row: Row) -> String {
    row.reasons.labelWords
      ?? (row.shortParameters.isEmpty ? row.parameters : row.shortParameters)
  }

  private func center(_ item: Item, _ plot: Plot) -> Point {
    var point = plot.point(item.latency.milliseconds.median, item.accuracy.top1Percent)
    if item.isClipped { point.y = plot.area.maxY - 7 }
    return point
  }

  /// Marks rows far below the others, which would squeeze what matters into a strip.
  ///
  /// A row is far below where it is further from the median of the rows than three times the best
  /// one is above it, and than five points; where a third of the rows is, none is.
  private static func clipped(_ items: [Item]) -> [Item] {
    let sorted = items.map(\.accuracy.top1Percent).sorted()
    guard let best = sorted.last else { return items }
    let median = sorted[sorted.count / 2]
    let limit = median - max(5, 3 * (best - median))
    guard 3 * sorted.count(where: { $0 < limit }) < sorted.count else { return items }
    // What lies within the others' intervals has its place on the axis anyway.
    let lowest = items.filter { $0.accuracy.top1Percent >= limit }
      .map(\.accuracy.top1Interval.lower).min()
    return items.map { item in
      var item = item
      item.isClipped = item.accuracy.top1Percent < min(limit, lowest ?? limit)
      return item
    }
  }

  /// Corners of the front: the accuracy of a point holds until the next one's latency.
  private func front(of items: [Item], _ plot: Plot) -> [Point] {
    let points = items.filter(\.row.isOnFront).map { center($0, plot) }.sorted { $0.x < $1.x }
    guard let last = points.last else { return [] }
    var corners: [Point] = []
    for (point, next) in zip(points, points.dropFirst()) {
      corners += [point, Point(x: next.x, y: point.y)]
    }
    return corners + [last, Point(x: plot.area.maxX, y: last.y)]
  }

  /// Where the baseline's latency lies: right of it a method is slower than doing nothing.
  private func baselineLine(_ items: [Item], _ plot: Plot) -> [Markup] {
    guard let baseline = items.first(where: \.row.isBaseline) else { return [] }
    let x = center(baseline, plot).x
    return [
      .line(
        from: Point(x: x, y: plot.area.y), to: Point(x: x, y: plot.area.maxY), stroke: "#999999",
        width: 0.9, dash: "2 3")
    ]
  }

  /// Thin lines through the points of a method that differ in one parameter.
  private func trends(
    _ items: [Item], _ plot: Plot, _ styles: [String: MethodStyle]
  ) -> [Markup] {
    Dictionary(grouping: items, by: \.row.method.name).sorted { $0.key < $1.key }
      .compactMap { name, items in
        guard items.count > 1, parameterText.onlyVaryingKey(of: name) != nil else { return nil }
        let ordered = items.sorted { catalog.precedes($0.row.method, $1.row.method) }
        return Markup.polyline(
          ordered.map { center($0, plot) }, stroke: styles[name]?.color ?? FigureText.ink,
          width: 1
        ).with("stroke-opacity", 0.45).with("data-method", .text(name))
      }
  }

  private func errorBars(
    _ item: Item, _ plot: Plot, _ styles: [String: MethodStyle]
  ) -> Markup {
    let middle = center(item, plot)
    let color = styles[item.row.method.name]?.color ?? FigureText.ink
    let left = plot.x(item.latency.milliseconds.lowerQuartile)
    let right = plot.x(item.latency.milliseconds.upperQuartile)
    let top = plot.y(item.accuracy.top1Interval.upper)
    let bottom = plot.y(item.accuracy.top1Interval.lower)
    let vertical =
      item.isClipped ? "" : "M\(coordinate(middle.x)),\(coordinate(top))V\(coordinate(bottom))"
    let d =
      "M\(coordinate(left)),\(coordinate(middle.y))H\(coordinate(right))"
      + vertical
    return Markup(
      "path",
      [
        "d": .text(d), "fill": "none", "stroke": .text(color), "stroke-width": 1,
        "stroke-opacity": 0.6, "data-method": .text(item.row.method.name),
      ])
  }

  private func marker(_ item: Item, _ plot: Plot, _ styles: [String: MethodStyle]) -> Markup {
    let style = styles[item.row.method.name] ?? MethodStyle(color: FigureText.ink, shape: .circle)
    let marker =
      item.isClipped
      ? Self.arrow(at: center(item, plot), color: style.color)
      : style.marker(at: center(item, plot), isSolid: item.row.isOnFront)
    let text =
      "\(item.row.label): \(item.accuracy.top1Text) %, \(item.latency.text) ms"
      + (item.row.isReliable ? "" : ", timing not reliable")
    return Markup(
      "g", ["class": "point", "data-method": .text(item.row.method.name)],
      children: [
        Markup("title", text: text),
        item.row.isReliable ? marker : marker.with("opacity", .number(Self.doubtOpacity)),
      ])
  }

  /// Points below the axis: the value stands in the label and the tooltip.
  private static func arrow(at point: Point, color: String) -> Markup {
    Markup(
      "path",
      [
        "d": .text(
          "M\(coordinate(point.x)),\(coordinate(point.y - 8))v11m-4,-4.5l4,4.5l4,-4.5"),
        "fill": "none", "stroke": .text(color), "stroke-width": 1.8,
      ])
  }

  private func labels(
    _ items: [Item], _ front: [Point], _ plot: Plot, _ styles: [String: MethodStyle]
  ) -> [Markup] {
    let shown = items.filter {
      $0.row.isOnFront || $0.isClipped || items.count <= Self.maxLabels
    }
    .filter { !$0.shortLabel.isEmpty }
    .sorted { ($0.row.isOnFront ? 0 : 1) < ($1.row.isOnFront ? 0 : 1) }
    let placement = LabelPlacement(
      bounds: plot.area.outset(by: -1),
      obstacles: items.map { item in
        let middle = center(item, plot)
        return Box(x: middle.x - 5, y: middle.y - 5, width: 10, height: 10)
      }, soft: items.flatMap { bars($0, plot) } + segments(front))
    let labels = shown.map {
      LabelPlacement.Label(
        text: $0.isClipped
          ? "\($0.shortLabel): \(fixed($0.accuracy.top1Percent, digits: 1)) %" : $0.shortLabel,
        anchor: center($0, plot), size: Self.labelSize,
        color: styles[$0.row.method.name]?.textColor ?? FigureText.ink,
        method: $0.row.method.name)
    }
    return placement.place(labels).map { placed in
      Markup("g", ["data-method": .text(placed.label.method ?? "")], children: placed.nodes)
    }
  }

  private func bars(_ item: Item, _ plot: Plot) -> [Box] {
    let middle = center(item, plot)
    let left = plot.x(item.latency.milliseconds.lowerQuartile)
    let right = plot.x(item.latency.milliseconds.upperQuartile)
    guard !item.isClipped else { return [] }
    let top = plot.y(item.accuracy.top1Interval.upper)
    return [
      Box(
        x: middle.x - 1, y: top, width: 2,
        height: plot.y(item.accuracy.top1Interval.lower) - top),
      Box(x: left, y: middle.y - 1, width: right - left, height: 2),
    ]
  }

  private func segments(_ corners: [Point]) -> [Box] {
    zip(corners, corners.dropFirst()).map { a, b in
      Box(
        x: min(a.x, b.x) - 1, y: min(a.y, b.y) - 1, width: abs(a.x - b.x) + 2,
        height: abs(a.y - b.y) + 2)
    }
  }
}
