/// The utility of every token count and its two parts, with the chosen count.
struct UtilityFigure: TableDrawing {
  static let name = "utility"
  static let place = FigurePlace.belowTable

  static let alpha = 0.5
  private static let latencyColor = "#0072B2"
  private static let accuracyColor = "#E69F00"
  private static let totalColor = "#D55E00"
  private let curves: [UtilityCurve]

  /// `nil` unless a latency grid and an accuracy grid were measured.
  init?(_ report: Report, only group: RowGroup?) {
    curves = report.utilityCurves(of: group)
    if curves.isEmpty { return nil }
  }

  var caption: String { "The utility of each token count, and the count chosen" }

  func drawing(_ layout: FigureLayout) -> Markup {
    let groups = curves.map(\.group)
    let shared = SharedTitle(groups)
    let page = FigurePage(
      heading: shared.heading, legend: legend, panels: curves.count, layout: layout)
    let panels = zip(curves, groups).enumerated().map { index, pair in
      panel(pair.0, title: shared.panelTitle(of: pair.1), area: page.area(of: index))
    }
    return page.drawing(title: "Utility of each token count", panels: panels)
  }

  private var legend: [LegendEntry] {
    [
      .line("accuracy kept, U_A = Â / max Â", color: Self.accuracyColor),
      .line("latency gained, U_L = 1 − L / max L", color: Self.latencyColor),
      .line(
        "U = α·U_L + (1 − α)·U_A, α = \(trimmed(Self.alpha, digits: 2))", color: Self.totalColor),
      LegendEntry(text: "n*, the highest U") { point in
        .line(
          from: Point(x: point.x, y: point.y - 6), to: Point(x: point.x, y: point.y + 6),
          stroke: FigureText.softInk, width: 1, dash: "3 2")
      },
    ]
  }

  private func panel(_ curve: UtilityCurve, title: String, area: Box) -> Markup {
    let plot = Plot(
      area: area,
      x: Scale(
        showing: curve.points.map { Double($0.tokens) }, from: area.x, to: area.maxX, spacing: 60),
      y: Scale(showing: [0, 1], from: area.maxY, to: area.y, spacing: 40, limits: 0...1.05),
      title: title, xTitle: "Tokens kept, n", yTitle: "Utility")
    let best = curve.bestTokens(alpha: Self.alpha)
    let place = plot.x(Double(best))
    let chosen = label(curve, best, at: place, plot)
    func line(_ color: String, _ width: Double, _ value: (UtilityCurve.Point) -> Double) -> Markup {
      .polyline(
        curve.points.map { plot.point(Double($0.tokens), value($0)) }, stroke: color, width: width)
    }
    return .group(
      "panel",
      [
        plot.background,
        .line(
          from: Point(x: place, y: area.y), to: Point(x: place, y: area.maxY),
          stroke: FigureText.softInk, width: 1, dash: "3 2"),
        line(Self.accuracyColor, 1.5) { $0.accuracyUtility },
        line(Self.latencyColor, 1.5) { $0.latencyUtility },
        line(Self.totalColor, 2) { $0.utility(alpha: Self.alpha) },
        .group("points", curve.points.map { dots($0, plot) }),
      ] + chosen)
  }

  /// The label of the chosen count next to its line, where no curve runs.
  private func label(
    _ curve: UtilityCurve, _ best: Int, at place: Double, _ plot: Plot
  ) -> [Markup] {
    let values: [(UtilityCurve.Point) -> Double] = [
      { $0.accuracyUtility }, { $0.latencyUtility }, { $0.utility(alpha: Self.alpha) },
    ]
    let lines = values.flatMap { value in
      zip(curve.points, curve.points.dropFirst()).map { a, b in
        let (from, to) = (
          plot.point(Double(a.tokens), value(a)), plot.point(Double(b.tokens), value(b))
        )
        return Box(
          x: from.x - 2, y: min(from.y, to.y) - 2, width: to.x - from.x + 4,
          height: abs(from.y - to.y) + 4)
      }
    }
    let range = curve.choice(alpha: Self.alpha).map {
      " (\(curve.removed(leaving: $0.range.upperBound))–\(curve.removed(leaving: $0.range.lowerBound)))"
    }
    let text = "n* = \(best), R = \(curve.removedTokens(alpha: Self.alpha))\(range ?? "")"
    let dashes = Box(x: place - 2, y: plot.area.y, width: 4, height: plot.area.height)
    let placement = LabelPlacement(
      bounds: plot.area.outset(by: -1), obstacles: lines + [dashes], soft: [])
    // Positions from the middle outwards.
    for share in [0.5, 0.35, 0.65, 0.2, 0.8, 0.95, 0.08] {
      let anchor = Point(x: place, y: plot.area.y + plot.area.height * share)
      let label = LabelPlacement.Label(
        text: text, anchor: anchor, size: FigureText.size, color: FigureText.ink)
      let placed = placement.place([label]).filter { !$0.needsLeader }
      if !placed.isEmpty { return placed.flatMap(\.nodes) }
    }
    let below = FigureText.node(
      text, at: Point(x: place + (place > plot.area.center.x ? -5 : 5), y: plot.area.maxY - 8),
      size: FigureText.size, anchor: place > plot.area.center.x ? .end : .start)
    return [below.with("stroke", "#ffffff").with("stroke-width", 2.6).with("paint-order", "stroke")]
  }

  private func dots(_ point: UtilityCurve.Point, _ plot: Plot) -> Markup {
    let total = point.utility(alpha: Self.alpha)
    let values = [
      (point.accuracyUtility, Self.accuracyColor), (point.latencyUtility, Self.latencyColor),
      (total, Self.totalColor),
    ]
    let text =
      "\(point.tokens) tokens: U = \(fixed(total, digits: 3)), "
      + "U_A = \(fixed(point.accuracyUtility, digits: 3)), "
      + "U_L = \(fixed(point.latencyUtility, digits: 3))"
    return Markup(
      "g", ["class": "point"],
      children: [Markup("title", text: text)]
        + values.map { value, color in
          let place = plot.point(Double(point.tokens), value)
          return Markup(
            "circle",
            [
              "cx": .number(place.x), "cy": .number(place.y), "r": 1.8, "fill": .text(color),
            ])
        })
  }
}

extension UtilityCurve {
  /// A table without rows that describes where both grids were measured.
  var group: RowGroup {
    RowGroup(
      model: staircase.model, weights: weights, dataset: dataset, device: staircase.device,
      batchSize: staircase.batchSize, precision: staircase.precision, rows: [])
  }
}

extension LegendEntry {
  /// An entry whose symbol is a line.
  static func line(_ text: String, color: String, width: Double = 1.6) -> LegendEntry {
    LegendEntry(text: text) { point in
      .line(
        from: Point(x: point.x - 9, y: point.y), to: Point(x: point.x + 9, y: point.y),
        stroke: color, width: width)
    }
  }
}
