/// Cells in columns, aligned with spaces; each character is counted as one column wide.
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

  /// The lines of the table within `width` characters.
  ///
  /// Columns are left out in the order of `dropping` until the others fit, with the column
  /// `wrapping` at 16 characters. That column then takes the remaining width, and its cells are
  /// wrapped between words.
  package func lines(width: Int, dropping: [String] = [], wrapping: String) -> [String] {
    var table = self
    for title in dropping where table.width(leaving: wrapping) > width {
      table = table.without(title)
    }
    guard table.width > width, let column = table.header.firstIndex(of: wrapping) else {
      return table.lines()
    }
    let others = table.width - table.widths[column]
    let room = max(Self.minWrappedWidth, width - others)
    let rows = table.rows.flatMap { row -> [[String]] in
      Self.wrapped(row[column], at: room).enumerated().map { index, part in
        row.indices.map { $0 == column ? part : index == 0 ? row[$0] : "" }
      }
    }
    return TextTable(header: table.header, alignments: table.alignments, rows: rows).lines()
  }

  /// The lines of the table or, if that is wider than `width` characters, one paragraph per row:
  /// its first cell, and below it the others, each after its column title and wrapped between
  /// words.
  package func linesOrParagraphs(width: Int) -> [String] {
    guard self.width > width else { return lines() }
    let indent = "    "
    return rows.flatMap { row in
      [row[0]]
        + row.indices.dropFirst().filter { !row[$0].isEmpty }.flatMap { column in
          Self.wrapped("\(header[column]): \(row[column])", at: max(1, width - indent.count))
            .map { indent + $0 }
        }
    }
  }

  /// The minimum width of a column whose cells are wrapped.
  private static let minWrappedWidth = 16

  private func width(leaving title: String) -> Int {
    guard let column = header.firstIndex(of: title) else { return width }
    return width - max(0, widths[column] - Self.minWrappedWidth)
  }

  private func without(_ title: String) -> TextTable {
    let kept = header.indices.filter { header[$0] != title }
    return TextTable(
      header: kept.map { header[$0] }, alignments: kept.map { alignments[$0] },
      rows: rows.map { row in kept.map { row[$0] } })
  }

  static func wrapped(_ text: String, at width: Int) -> [String] {
    let lines = text.split(separator: " ").reduce(into: [String]()) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines.isEmpty ? [""] : lines
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
