/// A report as text for a terminal.
package struct TerminalTable {
  private let report: Report
  private let width: Int
  private let highlightsFront: Bool

  /// Prepares `report` for lines of at most `width` characters.
  ///
  /// Columns of low rank are left out until a table fits, then parameters that all rows of a method
  /// share, then quartiles and intervals; what distinguishes rows is kept. `highlightsFront` prints
  /// the rows on the front in bold, with ANSI sequences.
  package init(_ report: Report, width: Int = 120, highlightsFront: Bool = false) {
    self.report = report
    self.width = width
    self.highlightsFront = highlightsFront
  }

  /// The verdict on the timings, the tables, the meaning of their marks, and the failed trials;
  /// ends with a line break.
  package func text() -> String {
    var blocks = report.tables.map { text(of: $0) }
    if blocks.isEmpty { blocks.append("No results yet.") }
    blocks += VariantTable.text(report.variants, width: width)
    blocks += PublishedTable.text(report.published, width: width)
    let verdict = report.verdict.map { PlainText.printable($0.text) }
    let legend = Mark.legend.filter { line in
      line.first.map { mark in
        String(mark) == Mark.unreliable
          ? report.groups.contains { $0.rows.contains { !$0.isReliable } }
          : blocks.contains { $0.contains(mark) }
      } ?? false
    }
    blocks.insert(contentsOf: report.remarks.map { PlainText.printable($0) }, at: 0)
    if let verdict {
      blocks.insert(highlightsFront ? "\u{1B}[1m\(verdict)\u{1B}[0m" : verdict, at: 0)
    }
    if !legend.isEmpty { blocks.append(legend.joined(separator: "\n")) }
    if !report.failures.isEmpty {
      let lines = report.failures.map { PlainText.printable("  \($0.trial): \($0.message)") }
      blocks.append((["Failed trials:"] + lines).joined(separator: "\n"))
    }
    return blocks.joined(separator: "\n\n") + "\n"
  }

  private func text(of group: RowGroup) -> String {
    var notes = NumberedNotes()
    let references = group.rows.map { notes.reference(to: $0.essentialNotes) }
    var columns = group.filled(Column.terminal(of: group))
    var table = table(of: group, columns, references)
    while table.width > width,
      let minimum = columns.min(by: { $0.rank < $1.rank }), minimum.rank < 9
    {
      columns.removeAll { $0.title == minimum.title }
      table = self.table(of: group, columns, references)
    }
    for narrow in Column.narrower where table.width > width {
      columns = columns.map { $0.title == narrow.wide ? narrow.column : $0 }
      table = self.table(of: group, columns, references)
    }
    for title in Column.lastToGo where table.width > width {
      columns.removeAll { $0.title == title }
      table = self.table(of: group, columns, references)
    }
    var lines = table.lines().map(PlainText.printable)
    if highlightsFront {
      for (i, row) in group.rows.enumerated() where row.isOnFront {
        lines[i + 2] = "\u{1B}[1m\(lines[i + 2])\u{1B}[0m"
      }
    }
    let steps = group.nextStepLines.map { "  \($0)" }
    let stepLines = steps.isEmpty ? [] : ["Next step down the staircase:"] + steps
    return
      ([PlainText.printable(group.title)] + lines
      + (notes.lines + [group.simulatedText].compactMap { $0 }
      + group.choiceLines + stepLines)
      .map(PlainText.printable)).joined(separator: "\n")
  }

  private func table(
    of group: RowGroup, _ columns: [Column], _ references: [String]
  ) -> TextTable {
    let hasNotes = references.contains { !$0.isEmpty }
    return TextTable(
      header: columns.map(\.title) + (hasNotes ? [""] : []),
      alignments: columns.map(\.alignment) + (hasNotes ? [.leading] : []),
      rows: zip(group.rows, references).map { row, reference in
        columns.map { $0.cell(row) } + (hasNotes ? [reference] : [])
      })
  }
}
