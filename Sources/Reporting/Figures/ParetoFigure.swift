import Records

/// Accuracy over latency, one panel per table: every row is a point with its intervals, and the
/// front is the line of the best accuracy within each latency.
///
/// When rows are hidden, the page's script redraws the panels from the values stored with the
/// points, with the same rules.
struct ParetoFigure: TableDrawing {
  static let name = "pareto"
  static let place = FigurePlace.aboveTable

  static let frontColor = "#8a8a8a"
  /// Points of unreliable timings are pale.
  static let doubtOpacity = 0.35

  private let groups: [RowGroup]
  private let parameterText: ParameterText
  private let catalog: MethodCatalog

  /// Whether a front is drawn: there is none if no timing is reliable.
  private var hasFront: Bool { groups.contains { $0.rows.contains(where: \.isOnFront) } }

  var caption: String {
    "Accuracy against latency"
      + (hasFront ? ", with the Pareto front" : "; no front, since no timing is reliable")
  }

  /// Draws every table of `report`, or `only` one; `nil` if no row has accuracy and latency.
  init?(_ report: Report, only group: RowGroup?) {
    groups = (group.map { [$0] } ?? report.tables).filter { group in
      group.rows.contains { $0.accuracy != nil && $0.latency != nil }
    }
    parameterText = report.parameterText
    catalog = report.joined.catalog
    if groups.isEmpty { return nil }
  }

  func drawing(_ layout: FigureLayout) -> Markup {
    let shared = SharedTitle(groups)
    let methods = groups.flatMap { $0.rows.map(\.method.name) }
    let styles = MethodStyle.styles(for: methods, catalog)
    let page = FigurePage(
      heading: shared.heading, legend: legend(styles), panels: groups.count, layout: layout)
    let panels = groups.enumerated().map { index, group in
      ParetoPanel(
        group: group, title: shared.panelTitle(of: group), area: page.area(of: index),
        styles: styles, catalog: catalog, parameterText: parameterText, layout: layout
      ).drawing()
    }
    return page.drawing(title: "Accuracy against latency", panels: panels)
  }

  private func legend(_ styles: [String: MethodStyle]) -> [LegendEntry] {
    let names = styles.keys.sorted {
      catalog.precedes(
        MethodSetting(name: $0, parameters: [:]), MethodSetting(name: $1, parameters: [:]))
    }
    // Rows without accuracy, such as the second baseline, have no point that needs a legend entry.
    let drawn = Set(
      groups.flatMap(\.rows).filter { $0.accuracy != nil && $0.latency != nil }
        .map(\.method.name))
    let methods = names.filter(drawn.contains).compactMap { name in
      styles[name].map { style in
        LegendEntry(text: name == catalog.baseline?.name ? "\(name) (baseline)" : name) {
          style.marker(at: $0, isSolid: true)
        }
      }
    }
    let front = [
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
    ]
    return methods + (hasFront ? front : []) + [
      LegendEntry(text: "bars: 95 % of accuracy, quartiles of latency") { point in
        Markup(
          "path",
          [
            "d": .text(
              "M\(coordinate(point.x - 6)),\(coordinate(point.y))h12"
                + "M\(coordinate(point.x)),\(coordinate(point.y - 5))v10"),
            "stroke": "#888888", "stroke-width": 1, "fill": "none",
          ])
      }
    ]
  }
}
