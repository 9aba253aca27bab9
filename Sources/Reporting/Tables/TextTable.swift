/// Cells in columns, aligned with spaces: one character is one column wide.
package struct TextTable {
  package let header: [String]
  package let alignments: [Column.Alignment]
  package let rows: [[String]]
  private static let gap = "  "

  package init(header: [String], alignments: [Column.Alignment], rows: [[String]]) {
    self.header = header
    self.alignments = alignments
    self.rows = rows
  }

  private var widths: [Int] {
    header.indices.map { i in rows.reduce(header[i].count) { max($0, $1[i].count) } }
  }

  /// Characters in the longest line.
  var width: Int {
    widths.reduce(0, +) + max(0, header.count - 1) * Self.gap.count
  }

  /// The header, a rule, and the rows, without spaces at the ends of lines.
  package func lines() -> [String] {
    let widths = widths
    let rule = widths.map { String(repeating: "─", count: $0) }
    return [line(header, widths), rule.joined(separator: Self.gap)]
      + rows.map { line($0, widths) }
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var text = ""
    for (i, cell) in cells.enumerated() {
      if i > 0 { text += Self.gap }
      let padding = String(repeating: " ", count: max(0, widths[i] - cell.count))
      text += alignments[i] == .leading ? cell + padding : padding + cell
    }
    while text.last == " " { text.removeLast() }
    return text
  }
}
