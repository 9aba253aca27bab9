import Measurement
import Records

/// One table's points, front and labels; `chart.js` follows the same rules.
struct ParetoPanel {
  private struct Item {
    /// Its index in the table.
    let index: Int
    let row: Row
    let accuracy: AccuracyFigures
    let latency: LatencyFigures
    let shortLabel: String
    /// Whether the row is so far below the others that it is drawn as an arrow at the lower edge.
    var isClipped = false
  }

  /// The number of points above which only those on the front are labeled.
  private static let maxLabels = 28

  private let items: [Item]
  private let plot: Plot
  private let area: Box
  private let styles: [String: MethodStyle]
  private let catalog: MethodCatalog
  private let parameterText: ParameterText
  private let layout: FigureLayout

  init(
    group: RowGroup, title: String, area: Box, styles: [String: MethodStyle],
    catalog: MethodCatalog,
    parameterText: ParameterText, layout: FigureLayout
  ) {
    let items = Self.clipped(
      group.rows.enumerated().compactMap { index, row -> Item? in
        guard let accuracy = row.accuracy, let latency = row.latency else { return nil }
        return Item(
          index: index, row: row, accuracy: accuracy, latency: latency,
          shortLabel: group.isOfModels
            ? row.method.name : row.isBaseline ? "baseline" : Self.shortLabel(row))
      })
    self.items = items
    self.area = area
    self.styles = styles
    self.catalog = catalog
    self.parameterText = parameterText
    self.layout = layout
    let x = Scale(
      showing: items.flatMap {
        let times = $0.latency.milliseconds
        return [times.lowerQuartile, times.median, times.upperQuartile]
      }, from: area.x, to: area.maxX, spacing: 60, limits: 0 ... .infinity, allowsLogarithm: true)
    let y = Scale(
      showing: items.filter { !$0.isClipped }.flatMap {
        [$0.accuracy.top1Interval.lower, $0.accuracy.top1Interval.upper]
      }, from: area.maxY, to: area.y, spacing: 40, limits: 0...100)
    plot = Plot(
      area: area, x: x, y: y, title: title, xTitle: "Latency (ms per batch, median)",
      yTitle: "Top-1 accuracy (%)")
  }

  private static func shortLabel(_ row: Row) -> String {
    row.reasons.labelWords
      ?? (row.shortParameters.isEmpty ? row.parameters : row.shortParameters)
  }

  func drawing() -> Markup {
    let front = front
    return Markup(
      "g",
      [
        "class": "panel", "data-area": .text(Self.list([area.x, area.y, area.maxX, area.maxY])),
        "data-label-size": .number(layout.labelSize),
      ],
      children: [
        plot.background, .group("baseline", baselineLine),
        Markup.polyline(front, stroke: ParetoFigure.frontColor, width: 1.6).with("class", "front"),
        .group("trends", trends), .group("error-bars", items.map { errorBars($0) }),
        .group("points", items.map { marker($0) }),
        .group("labels", labels(front)),
      ])
  }

  private static func list(_ values: [Double]) -> String {
    values.map { trimmed($0, digits: 6) }.joined(separator: " ")
  }

  private func center(_ item: Item) -> Point {
    var point = plot.point(item.latency.milliseconds.median, item.accuracy.top1Percent)
    if item.isClipped { point.y = area.maxY - 7 }
    return point
  }

  private func style(_ item: Item) -> MethodStyle {
    styles[item.row.method.name] ?? MethodStyle(color: FigureText.ink, shape: .circle)
  }

  /// Marks rows far below the others, which would compress the relevant part of the figure.
  ///
  /// A row is far below if its distance to the median of the rows is more than five points and more
  /// than three times that of the best row, and if showing it would stretch the axis by half. If
  /// half of the rows are far below, none is marked.
  private static func clipped(_ items: [Item]) -> [Item] {
    let sorted = items.map(\.accuracy.top1Percent).sorted()
    guard let best = sorted.last else { return items }
    let median = sorted[sorted.count / 2]
    let limit = median - max(5, 3 * (best - median))
    guard 2 * sorted.count(where: { $0 < limit }) < sorted.count else { return items }
    let intervals = items.filter { $0.accuracy.top1Percent >= limit }.map(\.accuracy.top1Interval)
    let lowest = intervals.map(\.lower).min() ?? limit
    let highest = intervals.map(\.upper).max() ?? limit
    return items.map { item in
      var item = item
      item.isClipped =
        item.accuracy.top1Percent < min(limit, lowest - (highest - lowest) / 2)
      return item
    }
  }

  /// Corners of the front: the accuracy of a point holds until the next one's latency.
  private var front: [Point] {
    let points = items.filter(\.row.isOnFront).map { center($0) }.sorted { $0.x < $1.x }
    guard let last = points.last else { return [] }
    var corners: [Point] = []
    for (point, next) in zip(points, points.dropFirst()) {
      corners += [point, Point(x: next.x, y: point.y)]
    }
    return corners + [last, Point(x: area.maxX, y: last.y)]
  }

  /// The baseline's latency: to its right, a method is slower than no reduction.
  private var baselineLine: [Markup] {
    guard let baseline = items.first(where: \.row.isBaseline) else { return [] }
    let x = center(baseline).x
    return [
      .line(
        from: Point(x: x, y: area.y), to: Point(x: x, y: area.maxY), stroke: "#999999",
        width: 0.9, dash: "2 3"
      ).with("data-row", .text("\(baseline.index)"))
    ]
  }

  /// Thin lines through the points of a method that differ in one parameter.
  private var trends: [Markup] {
    Dictionary(grouping: items, by: \.row.method.name).sorted { $0.key < $1.key }
      .compactMap { name, items in
        guard items.count > 1, parameterText.onlyVaryingKey(of: name) != nil else { return nil }
        let ordered = items.sorted { catalog.precedes($0.row.method, $1.row.method) }
        return Markup.polyline(
          ordered.map { center($0) }, stroke: style(items[0]).color, width: 1
        ).with("stroke-opacity", 0.45).with("data-method", .text(name))
          .with("data-rows", .text(ordered.map { "\($0.index)" }.joined(separator: " ")))
      }
  }

  private func errorBars(_ item: Item) -> Markup {
    let middle = center(item)
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
        "d": .text(d), "fill": "none", "stroke": .text(style(item).color), "stroke-width": 1,
        "stroke-opacity": 0.6, "data-method": .text(item.row.method.name),
        "data-row": .text("\(item.index)"),
      ])
  }

  private func marker(_ item: Item) -> Markup {
    let row = item.row
    let place = center(item)
    let origin = Point(x: 0, y: 0)
    let marker = style(item).marker(at: origin, isSolid: row.isOnFront).with("class", "marker")
    let shapes =
      item.isClipped
      ? [marker.with("display", "none"), Self.arrow(color: style(item).color)] : [marker]
    let text =
      "\(row.label): \(item.accuracy.top1Text) %, \(item.latency.text) ms"
      + (row.isReliable ? "" : ", timing not reliable")
    let times = item.latency.milliseconds
    let interval = item.accuracy.top1Interval
    var node = Markup(
      "g",
      [
        "class": "point", "data-method": .text(row.method.name), "data-row": .text("\(item.index)"),
        "transform": .text("translate(\(coordinate(place.x)) \(coordinate(place.y)))"),
        "data-x": .text(Self.list([times.lowerQuartile, times.median, times.upperQuartile])),
        "data-y": .text(Self.list([interval.lower, item.accuracy.top1Percent, interval.upper])),
        "data-label": .text(item.shortLabel), "data-ink": .text(style(item).textColor),
      ], children: [Markup("title", text: text)] + shapes)
    if row.competes { node = node.with("data-competes", "") }
    if row.isRival { node = node.with("data-rival", "") }
    return row.isReliable ? node : node.with("opacity", .number(ParetoFigure.doubtOpacity))
  }

  /// Points below the axis; their value is in the label and the tooltip.
  private static func arrow(color: String) -> Markup {
    Markup(
      "path",
      [
        "class": "arrow", "d": "M0,-8v11m-4,-4.5l4,4.5l4,-4.5", "fill": "none",
        "stroke": .text(color), "stroke-width": 1.8,
      ])
  }

  private func labels(_ front: [Point]) -> [Markup] {
    let shown = items.filter {
      $0.row.isOnFront || $0.isClipped || items.count <= Self.maxLabels
    }
    .filter { !$0.shortLabel.isEmpty }
    .sorted { ($0.row.isOnFront ? 0 : 1) < ($1.row.isOnFront ? 0 : 1) }
    let placement = LabelPlacement(
      bounds: area.outset(by: -1),
      obstacles: items.map { item in
        let middle = center(item)
        return Box(x: middle.x - 5, y: middle.y - 5, width: 10, height: 10)
      }, soft: items.flatMap { bars($0) } + segments(front))
    let labels = shown.map {
      LabelPlacement.Label(
        text: $0.isClipped
          ? "\($0.shortLabel): \(fixed($0.accuracy.top1Percent, digits: 1)) %" : $0.shortLabel,
        anchor: center($0), size: layout.labelSize,
        color: style($0).textColor, method: $0.row.method.name)
    }
    return placement.place(labels).map { placed in
      Markup("g", ["data-method": .text(placed.label.method ?? "")], children: placed.nodes)
    }
  }

  private func bars(_ item: Item) -> [Box] {
    let middle = center(item)
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
