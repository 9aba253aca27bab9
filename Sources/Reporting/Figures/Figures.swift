/// Every figure, in the order of appearance.
enum Figures {
  static var all: [any ReportDrawing.Type] {
    [
      ParetoFigure.self,
      LatencyFigure.self,
      CostFigure.self,
      StaircaseFigure.self,
      UtilityFigure.self,
      AlphaFigure.self,
      BreakEvenFigure.self,
      PublishedFigure.self,
      OperationsFigure.self,
    ]
  }

  /// The figures that `report` has data for.
  static func of(_ report: Report) -> [any ReportDrawing] { all.compactMap { $0.init(report) } }

  /// The figures of this table that appear at `place`.
  static func of(
    _ report: Report, only group: RowGroup, at place: FigurePlace
  ) -> [any ReportDrawing] {
    all.compactMap { type -> (any ReportDrawing)? in
      guard type.place == place, let type = type as? any TableDrawing.Type else { return nil }
      return type.init(report, only: group)
    }
  }

  /// The figures with a separate section of the page, with its heading.
  static func sections(_ report: Report) -> [(heading: String, figure: any ReportDrawing)] {
    all.compactMap { type in
      guard case .section(let heading) = type.place else { return nil }
      return type.init(report).map { (heading, $0) }
    }
  }

  /// The path of a figure's file in a results folder.
  static func path(_ type: any ReportDrawing.Type) -> String { "figures/\(type.name).svg" }
}
