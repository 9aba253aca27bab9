/// A figure of a report.
///
/// A new figure is one file with a conforming type and a line in `Figures.all`.
protocol ReportDrawing {
  /// The name of its file without the extension.
  static var name: String { get }
  static var place: FigurePlace { get }
  /// The figure of the whole `report`; `nil` without data.
  init?(_ report: Report)
  /// The caption below it.
  var caption: String { get }
  func drawing(_ layout: FigureLayout) -> Markup
}

/// Where a figure appears on the page.
enum FigurePlace: Hashable, Sendable {
  /// With each table (`TableDrawing`).
  case aboveTable, belowTable
  /// In a separate section with this heading.
  case section(String)
  /// In a section of the page that also shows its data (`PageSections`).
  case withItsData
}

/// A figure that the page shows for each table.
protocol TableDrawing: ReportDrawing {
  /// The figure of one table, or of the whole `report`; `nil` without data.
  init?(_ report: Report, only group: RowGroup?)
}

extension TableDrawing {
  init?(_ report: Report) { self.init(report, only: nil) }
}

extension ReportDrawing {
  func drawing() -> Markup { drawing(.wide) }
}
