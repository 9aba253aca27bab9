/// A figure that a report has data for.
struct ReportFigure {
  /// The file's name without its ending.
  let name: String
  let caption: String
  let drawing: SVGNode

  /// The names that `all` may give.
  static let names = ["pareto", "staircase", "utility", "alpha", "break_even"]

  /// The figures that `report` has data for, in the order a reader meets them.
  static func all(_ report: Report) -> [ReportFigure] {
    [
      ParetoFigure(report).map {
        ReportFigure(
          name: "pareto", caption: "Accuracy against latency, with the Pareto front",
          drawing: $0.drawing())
      },
      StaircaseFigure(report).map {
        ReportFigure(
          name: "staircase", caption: "Latency against the number of tokens, with its steps",
          drawing: $0.drawing())
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
