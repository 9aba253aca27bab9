import Measurement
import Records

/// The effect of α: the tokens removed, and the accuracy and latency measured at each choice.
///
/// Three panels per pair of grids. R comes from the grids for every α; accuracy and latency are
/// drawn if a schedule with that R was measured.
struct AlphaFigure: TableDrawing {
  static let name = "alpha"
  static let place = FigurePlace.belowTable

  private static let alphas = (0...100).map { Double($0) / 100 }
  private static let colors = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]

  /// The values of α that lead to one R.
  private struct Choice {
    let alphas: ClosedRange<Double>
    let removed: Int
  }

  /// Rows that differ only in R.
  private struct Series {
    let label: String
    let color: String
    let rows: [Int: Row]
  }

  private let report: Report
  private let curves: [(curve: UtilityCurve, group: RowGroup)]

  /// `nil` unless a schedule that some α chooses was measured.
  init?(_ report: Report, only group: RowGroup?) {
    self.report = report
    curves = report.utilityCurves(of: group).compactMap { curve in
      let chosen = Set(Self.alphas.map(curve.removedTokens))
      return report.groups.first { group in
        group.model == curve.staircase.model && group.device == curve.staircase.device
          && group.batchSize == curve.staircase.batchSize
          && group.precision == curve.staircase.precision && group.weights == curve.weights
          && group.rows.contains { Self.removed($0).map(chosen.contains) ?? false }
      }.map { (curve, $0) }
    }
    if curves.isEmpty { return nil }
  }

  var caption: String { "What α decides: tokens removed, accuracy and latency" }

  func drawing(_ layout: FigureLayout) -> Markup {
    let shared = SharedTitle(curves.map(\.group))
    let series = curves.map { self.series(in: $0.group) }
    let labels = series.flatMap { $0 }.reduce(into: [(String, String)]()) { known, one in
      if !known.contains(where: { $0.0 == one.label }) { known.append((one.label, one.color)) }
    }
    let page = FigurePage(
      heading: shared.heading,
      legend: labels.map { .line($0.0, color: $0.1) } + [
        LegendEntry(text: "bars: 95 % of accuracy, quartiles of latency") { point in
          .line(
            from: Point(x: point.x, y: point.y - 6), to: Point(x: point.x, y: point.y + 6),
            stroke: "#888888", width: 1)
        }
      ], panels: 3 * curves.count, layout: layout)
    var panels: [Markup] = []
    for (index, item) in curves.enumerated() {
      let choices = choices(of: item.curve)
      let title = shared.panelTitle(of: item.group)
      let areas = (0..<3).map { page.area(of: 3 * index + $0) }
      panels.append(removedPanel(choices, title, areas[0], item.curve))
      panels.append(accuracyPanel(choices, title, areas[1], series[index]))
      panels.append(latencyPanel(choices, title, areas[2], series[index]))
    }
    return page.drawing(title: "What α decides", panels: panels)
  }

  /// R of a row whose method can be chosen by α; `nil` for other rows.
  private static func removed(_ row: Row) -> Int? {
    guard row.family == .latencyStep, case .integer(let r)? = row.method.parameters["r"]
    else { return nil }
    return r
  }

  private func choices(of curve: UtilityCurve) -> [Choice] {
    var choices: [Choice] = []
    for alpha in Self.alphas {
      let removed = curve.removedTokens(alpha: alpha)
      if let last = choices.last, last.removed == removed {
        choices[choices.count - 1] = Choice(
          alphas: last.alphas.lowerBound...alpha, removed: removed)
      } else {
        choices.append(Choice(alphas: alpha...alpha, removed: removed))
      }
    }
    return choices
  }

  private func series(in group: RowGroup) -> [Series] {
    var order: [MethodSetting] = []
    var rows: [MethodSetting: [Int: Row]] = [:]
    for row in group.rows {
      guard let removed = Self.removed(row) else { continue }
      var rest = row.method
      rest.parameters["r"] = nil
      if rows[rest] == nil { order.append(rest) }
      rows[rest, default: [:]][removed] = row
    }
    let text = ParameterText(methods: order)
    return order.enumerated().map { index, rest in
      Series(
        label: "\(rest.name) \(text.text(for: rest))",
        color: Self.colors[index % Self.colors.count],
        rows: rows[rest] ?? [:])
    }
  }

  private func removedPanel(
    _ choices: [Choice], _ title: String, _ area: Box, _ curve: UtilityCurve
  ) -> Markup {
    let plot = plot(
      area, title, showing: choices.map { Double($0.removed) } + [0], "Tokens removed, R")
    let corners = choices.flatMap { choice in
      [choice.alphas.lowerBound, choice.alphas.upperBound].map {
        plot.point($0, Double(choice.removed))
      }
    }
    let labels = choices.map { choice in
      LabelPlacement.Label(
        text: "\(choice.removed)",
        anchor: plot.point(
          (choice.alphas.lowerBound + choice.alphas.upperBound) / 2, Double(choice.removed)),
        size: FigureLayout.narrow.labelSize, color: FigureText.ink)
    }
    let line = zip(corners, corners.dropFirst()).map { a, b in
      Box(
        x: min(a.x, b.x) - 1, y: min(a.y, b.y) - 1, width: abs(a.x - b.x) + 2,
        height: abs(a.y - b.y) + 2)
    }
    let placement = LabelPlacement(bounds: area.outset(by: -1), obstacles: line, soft: [])
    return .group(
      "panel",
      [plot.background, .polyline(corners, stroke: FigureText.ink, width: 1.6)]
        + placement.place(labels).flatMap(\.nodes))
  }

  private func accuracyPanel(
    _ choices: [Choice], _ title: String, _ area: Box, _ series: [Series]
  ) -> Markup {
    panel(choices, title, area, series, "Top-1 accuracy (%)") { row in
      row.accuracy.map { ($0.top1Percent, $0.top1Interval) }
    }
  }

  private func latencyPanel(
    _ choices: [Choice], _ title: String, _ area: Box, _ series: [Series]
  ) -> Markup {
    panel(choices, title, area, series, "Latency (ms per batch, median)") { row in
      row.latency.map {
        (
          $0.milliseconds.median,
          Interval(lower: $0.milliseconds.lowerQuartile, upper: $0.milliseconds.upperQuartile)
        )
      }
    }
  }

  private func panel(
    _ choices: [Choice], _ title: String, _ area: Box, _ series: [Series], _ yTitle: String,
    value: (Row) -> (middle: Double, bar: Interval)?
  ) -> Markup {
    let found = series.flatMap { one in
      choices.compactMap { choice in
        one.rows[choice.removed].flatMap(value).map { (one, choice, $0.middle, $0.bar) }
      }
    }
    let values = found.flatMap { [$0.3.lower, $0.2, $0.3.upper] }
    let plot = plot(area, title, showing: values.isEmpty ? [0, 1] : values, yTitle)
    let nodes = found.map { one, choice, middle, bar in
      let left = plot.point(choice.alphas.lowerBound, middle)
      let right = plot.point(choice.alphas.upperBound, middle)
      let center = Point(x: (left.x + right.x) / 2, y: left.y)
      return Markup(
        "g", ["class": "point"],
        children: [
          Markup(
            "title", text: "R = \(choice.removed): \(significant(middle)), \(one.label)"),
          .line(from: left, to: right, stroke: one.color, width: 1.6),
          .line(
            from: Point(x: center.x, y: plot.y(bar.upper)),
            to: Point(x: center.x, y: plot.y(bar.lower)), stroke: one.color, width: 1),
          Markup(
            "circle",
            [
              "cx": .number(center.x), "cy": .number(center.y), "r": 3, "fill": .text(one.color),
            ]),
        ])
    }
    return .group("panel", [plot.background, .group("points", nodes)])
  }

  private func plot(
    _ area: Box, _ title: String, showing values: [Double], _ yTitle: String
  ) -> Plot {
    Plot(
      area: area, x: Scale(showing: [0, 1], from: area.x, to: area.maxX, limits: -0.03...1.03),
      y: Scale(
        showing: values, from: area.maxY, to: area.y, spacing: 40, limits: 0 ... .infinity),
      title: title, xTitle: "α, the weight of latency", yTitle: yTitle)
  }
}
