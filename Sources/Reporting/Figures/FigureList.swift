/// A figure that a report has data for.
struct ReportFigure {
  /// The file's name without its ending.
  let name: String
  let caption: String
  let drawing: Markup

  private init?(_ name: String, _ figure: (any ReportDrawing)?) {
    guard let figure else { return nil }
    self.name = name
    caption = figure.caption
    drawing = figure.drawing()
  }

  /// The names that `all` may give.
  static let names = [
    "pareto", "latency", "cost", "staircase", "utility", "alpha", "break_even",
    "published", "operations",
  ]

  /// The figures that `report` has data for, in the order a reader meets them.
  static func all(_ report: Report) -> [ReportFigure] {
    [
      ReportFigure("pareto", ParetoFigure(report)),
      ReportFigure("latency", LatencyFigure(report)),
      ReportFigure("cost", CostFigure(report)),
      ReportFigure("staircase", StaircaseFigure(report)),
      ReportFigure("utility", UtilityFigure(report)),
      ReportFigure("alpha", AlphaFigure(report)),
      ReportFigure("break_even", BreakEvenFigure(report)),
      ReportFigure("published", PublishedFigure(report)),
      ReportFigure("operations", OperationsFigure(report)),
    ].compactMap { $0 }
  }
}
