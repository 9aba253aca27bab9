import Measurement

/// Median latency over token count with its quartiles, one panel per grid.
struct StaircaseFigure: TableDrawing {
  static let name = "staircase"
  static let place = FigurePlace.aboveTable

  private static let color = "#0072B2"
  private static let stepColor = "#D55E00"
  private let staircases: [Staircase]

  /// Draws the staircases of `report` that `isIncluded` accepts; `nil` if there is none.
  init?(_ report: Report, where isIncluded: (Staircase) -> Bool) {
    staircases = report.staircases.filter(isIncluded)
    if staircases.isEmpty { return nil }
  }

  init?(_ report: Report, only group: RowGroup?) {
    self.init(report) { staircase in group.map(staircase.belongs) ?? true }
  }

  /// The caption; it also says if no step was found.
  var caption: String {
    let finding =
      staircases.contains { !$0.steps.isEmpty }
      ? ", with its steps"
      : staircases.allSatisfy(\.isDoubtful)
        ? "; no step is read from timings that are not reliable" : "; no step was found"
    return "Latency against the number of tokens" + finding
  }

  func drawing(_ layout: FigureLayout) -> Markup {
    let groups = staircases.map {
      RowGroup(
        model: $0.model, weights: nil, dataset: nil, device: $0.device, batchSize: $0.batchSize,
        precision: $0.precision, rows: [])
    }
    let shared = SharedTitle(groups)
    let page = FigurePage(
      heading: shared.heading, legend: legend, panels: staircases.count, layout: layout)
    let panels = zip(staircases, groups).enumerated().map { index, pair in
      panel(pair.0, title: shared.panelTitle(of: pair.1), area: page.area(of: index))
    }
    return page.drawing(title: "Latency against the number of tokens", panels: panels)
  }

  /// The elements drawn for at least one staircase; a prediction has neither quartiles nor
  /// intervals.
  private var legend: [LegendEntry] {
    let isMeasured = staircases.contains { !Self.isPredicted($0) }
    let isPredicted = staircases.contains(where: Self.isPredicted)
    let line = [isMeasured ? "median" : nil, isPredicted ? "predicted" : nil]
    var entries = [
      LegendEntry(text: line.compactMap(\.self).joined(separator: " or ")) { point in
        .line(
          from: Point(x: point.x - 9, y: point.y), to: Point(x: point.x + 9, y: point.y),
          stroke: Self.color, width: 1.6)
      }
    ]
    if isMeasured {
      entries.append(
        LegendEntry(text: "quartiles") { point in
          Markup(
            "rect",
            [
              "x": .number(point.x - 9), "y": .number(point.y - 5), "width": 18, "height": 10,
              "fill": .text(Self.color), "fill-opacity": 0.2,
            ])
        })
    }
    guard staircases.contains(where: { !$0.steps.isEmpty }) else { return entries }
    entries.append(
      LegendEntry(
        text: isMeasured
          ? "step, with the 95 % interval of its place" : "step, between the nearest counts"
      ) { point in
        .group(
          "step",
          [
            Markup(
              "rect",
              [
                "x": .number(point.x - 5), "y": .number(point.y - 6), "width": 10, "height": 12,
                "fill": .text(Self.stepColor), "fill-opacity": 0.18,
              ]),
            .line(
              from: Point(x: point.x, y: point.y - 6), to: Point(x: point.x, y: point.y + 6),
              stroke: Self.stepColor, width: 1, dash: "3 2"),
          ])
      })
    return entries
  }

  private static func isPredicted(_ staircase: Staircase) -> Bool {
    staircase.device.simulated != nil
  }

  private func panel(_ staircase: Staircase, title: String, area: Box) -> Markup {
    let points = staircase.points
    let values = points.flatMap { [$0.milliseconds.lowerQuartile, $0.milliseconds.upperQuartile] }
    let plot = Plot(
      area: area,
      x: Scale(showing: points.map { Double($0.tokens) }, from: area.x, to: area.maxX, spacing: 60),
      y: Scale(
        showing: values + floor(of: values), from: area.maxY, to: area.y, spacing: 40,
        limits: 0 ... .infinity),
      title: title, xTitle: "Tokens in every block",
      yTitle: "Latency (ms per batch, \(Self.isPredicted(staircase) ? "predicted" : "median"))")
    func line(_ value: (Summary) -> Double) -> [Point] {
      points.map { plot.point(Double($0.tokens), value($0.milliseconds)) }
    }
    let band = line(\.lowerQuartile) + line(\.upperQuartile).reversed()
    let markers = zip(points, line(\.median)).map { point, place in
      Markup(
        "g", ["class": "point"],
        children: [
          Markup("title", text: text(of: point)),
          Markup(
            "circle",
            [
              "cx": .number(place.x), "cy": .number(place.y),
              "r": .number(points.count > 80 ? 1.5 : 2.4),
              "fill": .text(point.isReliable ? Self.color : FigureText.softInk),
              "fill-opacity": .number(point.isReliable ? 1 : 0.4),
            ]),
        ])
    }
    return .group(
      "panel",
      [
        plot.background, steps(of: staircase, plot), .polygon(band, fill: Self.color, opacity: 0.2),
        .polyline(line(\.median), stroke: Self.color, width: 1.6), .group("points", markers),
        stepLabels(of: staircase, plot),
      ])
  }

  private func place(of step: Step) -> Double { Double(step.before + step.after) / 2 }

  private func steps(of staircase: Staircase, _ plot: Plot) -> Markup {
    .group(
      "steps",
      staircase.steps.map { step in
        let left = plot.x(Double(step.location.lowerBound))
        let right = plot.x(Double(step.location.upperBound))
        let middle = plot.x(place(of: step))
        return .group(
          "step",
          [
            Markup(
              "title",
              text: stepText(step, of: staircase)),
            Markup(
              "rect",
              [
                "x": .number(left), "y": .number(plot.area.y), "width": .number(right - left),
                "height": .number(plot.area.height), "fill": .text(Self.stepColor),
                "fill-opacity": 0.18,
              ]),
            .line(
              from: Point(x: middle, y: plot.area.y), to: Point(x: middle, y: plot.area.maxY),
              stroke: Self.stepColor, width: 1, dash: "3 2"),
          ])
      })
  }

  /// The text of a step, with its cause if it is predicted, or what differs on the GPU if that is
  /// known.
  private func stepText(_ step: Step, of staircase: Staircase) -> String {
    let (causes, changes) = (staircase.causes(of: step), staircase.changes(at: step))
    return "step between \(step.before) and \(step.after) tokens: \(height(of: step)) ms"
      + (causes.isEmpty ? "" : " (predicted; \(causes.joined(separator: ", ")))")
      + (changes.isEmpty ? "" : " (other there: \(changes.joined(separator: "; ")))")
  }

  private func height(of step: Step) -> String {
    signed(step.height, digits: max(1, decimals(step.height, significant: 2)))
  }

  /// The height of each step next to its middle.
  private func stepLabels(of staircase: Staircase, _ plot: Plot) -> Markup {
    func value(at tokens: Int) -> Double? {
      staircase.points.first { $0.tokens == tokens }?.milliseconds.median
    }
    let labels = staircase.steps.compactMap { step -> LabelPlacement.Label? in
      guard let before = value(at: step.before), let after = value(at: step.after) else {
        return nil
      }
      let middle = plot.point(place(of: step), (before + after) / 2)
      return LabelPlacement.Label(
        text: "\(height(of: step)) ms", anchor: middle, size: FigureLayout.narrow.labelSize,
        color: "#8E3F00")
    }
    let curve = staircase.points.map {
      let point = plot.point(Double($0.tokens), $0.milliseconds.median)
      return Box(x: point.x - 2, y: point.y - 2, width: 4, height: 4)
    }
    let placement = LabelPlacement(
      bounds: plot.area.outset(by: -1), obstacles: [], soft: curve)
    return .group("labels", placement.place(labels).flatMap(\.nodes))
  }

  private func text(of point: Staircase.Point) -> String {
    let parts = [
      point.milliseconds.median, point.milliseconds.lowerQuartile,
      point.milliseconds.upperQuartile,
    ].map { significant($0) }
    let quartiles = point.predicted == nil ? " (\(parts[1])–\(parts[2]))" : ", predicted"
    return "\(point.tokens) tokens: \(parts[0]) ms\(quartiles)"
      + (point.isReliable ? "" : ", timing not reliable")
  }

  /// The maximum start of the axis: zero if that uses less than a third of the height; and always a
  /// tenth below the highest value, so that an almost constant curve looks flat.
  private func floor(of values: [Double]) -> [Double] {
    guard let low = values.min(), let high = values.max() else { return [] }
    return [low < 0.33 * high ? 0 : min(low, 0.9 * high)]
  }
}
