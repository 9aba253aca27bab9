/// The times of a pass by kind of operation as a table, for the page and the document.
struct OperationsTable {
  static let heading = "Where the time of a pass goes"
  static let titles = ["model", "operation", "calls", "ms", "share", "GFLOPs", "MB", "bound by"]
  /// The columns that contain numbers.
  private static let numbers = 2..<7

  static let explanation =
    "Bytes are inputs, weights and outputs once each, counted from the tensors that an operation "
    + "reads and writes; what is still in a cache is faster than its bound."

  let breakdowns: [OperationBreakdown]

  private var rows: [(cells: [String], values: [Double?])] {
    breakdowns.flatMap { one in
      one.parts.sorted { $0.milliseconds > $1.milliseconds }.map { part in
        let share = 100 * part.milliseconds / max(one.total, 1e-12)
        return (
          [
            one.label(among: breakdowns), part.kind, "\(part.calls)",
            fixed(part.milliseconds, digits: 3), "\(fixed(share, digits: 1)) %",
            significant(Double(part.flops) / 1e9, 3), significant(Double(part.bytes) / 1e6, 3),
            part.isMemoryBound ? "memory" : "arithmetic",
          ],
          [
            nil, nil, Double(part.calls), part.milliseconds, share, Double(part.flops),
            Double(part.bytes), nil,
          ]
        )
      }
    }
  }

  /// The memory-bound share and the bytes per image, one sentence per model.
  private var sentences: [String] {
    breakdowns.map { one in
      "\(one.label(among: breakdowns)): \(fixed(100 * one.memoryBoundShare, digits: 1)) % of the "
        + "operations' time is bound by memory; an image moves "
        + "\(fixed(Double(one.bytesPerImage) / 1e6, digits: 1)) MB at least."
    } + [Self.explanation]
  }

  var nodes: [Markup] {
    let table = HTMLTable(
      id: "operations", caption: "Kinds of operation",
      headings: Self.titles.enumerated().map {
        HTMLTable.heading($1, isNumber: Self.numbers.contains($0))
      },
      rows: rows.map { row in
        Markup(
          "tr",
          children: row.cells.indices.map { index in
            HTMLTable.cell(
              row.cells[index], isNumber: Self.numbers.contains(index), isHeading: index == 1,
              value: row.values[index])
          })
      }, references: rows.map { _ in "" })
    return [table.node] + HTMLTable.notes(sentences)
  }

  /// The blocks of a Markdown document.
  func markdown(escaped: (String) -> String) -> [String] {
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    let rule = Self.titles.indices.map { Self.numbers.contains($0) ? "--:" : ":--" }
    return [
      "## \(Self.heading)",
      ([line(Self.titles), line(rule)] + rows.map { line($0.cells.map(escaped)) })
        .joined(separator: "\n"), sentences.map { "- \(escaped($0))" }.joined(separator: "\n"),
    ]
  }
}
