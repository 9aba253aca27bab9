/// A figure that a report has data for.
struct ReportFigure {
  /// The file's name without its ending.
  let name: String
  let caption: String
  let drawing: Markup

  /// The names that `all` may give.
  static let names = ["pareto", "latency", "cost", "staircase", "utility", "alpha", "break_even"]

  /// The figures that `report` has data for, in the order a reader meets them.
  static func all(_ report: Report) -> [ReportFigure] {
    [
      ParetoFigure(report).map {
        ReportFigure(
          name: "pareto", caption: "Accuracy against latency, with the Pareto front",
          drawing: $0.drawing())
      },
      LatencyFigure(report).map {
        ReportFigure(
          name: "latency", caption: "Latency of each row, with quartiles and speed-up",
          drawing: $0.drawing())
      },
      CostFigure(report).map {
        ReportFigure(
          name: "cost", caption: "Accuracy against the multiply-adds of one image",
          drawing: $0.drawing())
      },
      StaircaseFigure(report).map {
        ReportFigure(name: "staircase", caption: $0.caption, drawing: $0.drawing())
      },
      UtilityFigure(report).map {
        ReportFigure(
          name: "utility", caption: "The utility of each token count, and the count chosen",
          drawing: $0.drawing())
      },
      AlphaFigure(report).map {
        ReportFigure(
          name: "alpha", caption: "What α decides: tokens removed, accuracy and latency",
          drawing: $0.drawing())
      },
      BreakEvenFigure(report).map {
        ReportFigure(
          name: "break_even", caption: "Where each method beats the baseline",
          drawing: $0.drawing())
      },
    ].compactMap { $0 }
  }
}
