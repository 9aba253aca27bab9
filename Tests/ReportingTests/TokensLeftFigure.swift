@testable import Reporting

/// The number of remaining tokens of each row of a table, as bars.
struct TokensLeftFigure: TableDrawing {
  static let name = "tokens_left"
  static let place = FigurePlace.belowTable

  private let rows: [Row]

  init?(_ report: Report, only group: RowGroup?) {
    rows = (group.map { [$0] } ?? report.tables).flatMap(\.rows).filter { $0.tokensLeft != nil }
    if rows.isEmpty { return nil }
  }

  var caption: String { "Tokens that leave the last block" }

  func drawing(_ layout: FigureLayout) -> Markup {
    let width = layout == .wide ? 720.0 : 348
    let longest = Double(rows.compactMap(\.tokensLeft).max() ?? 1)
    let bars = rows.enumerated().flatMap { index, row -> [Markup] in
      let (top, tokens) = (20 + 40 * Double(index), row.tokensLeft ?? 0)
      let length = (width - 16) * Double(tokens) / longest
      return [
        FigureText.node("\(row.label): \(tokens) tokens", at: Point(x: 8, y: top)),
        .frame(Box(x: 8, y: top + 6, width: length, height: 12), stroke: "#0072B2", width: 1),
      ]
    }
    return .page(
      title: caption, width: width, height: 20 + 40 * Double(rows.count),
      [.group("panel", bars)])
  }
}
