extension PublishedTable {
  private var titles: [String] {
    let latency =
      isSimulated ? isMeasured ? "latency here" : "simulated latency" : "measured latency"
    return ["published", "Δ pp", "measured Δ pp", "latency", latency, "judged"]
  }

  /// The tables with a measured or predicted change, in aligned columns for a terminal, without
  /// empty columns.
  static func text(_ tables: [PublishedTable], width: Int) -> [String] {
    let tables = tables.filter { table in
      table.lines.contains { $0.judged?.row.latencyChange != nil || $0.judged?.row.change != nil }
    }
    let blocks = tables.map { table in
      let titles = table.titles
      let rows = table.lines.map { cells($0, table.numbers) }
      let shown = titles.indices.filter { index in
        index == 0 || rows.contains { $0[index] != Column.missing }
      }
      let aligned = TextTable(
        header: shown.map { titles[$0] },
        alignments: shown.map { [0, titles.count - 1].contains($0) ? .leading : .trailing },
        rows: rows.map { row in shown.map { row[$0] } })
      let lines = aligned.lines(width: width, wrapping: titles[0])
      return ([PlainText.printable("\(table.title): \(table.numbers.source)")] + lines)
        .map(PlainText.printable).joined(separator: "\n")
    }
    return blocks.isEmpty ? [] : blocks + ["latency: its change against the baseline's"]
  }

  private static func cells(_ line: Line, _ numbers: PublishedNumbers) -> [String] {
    let row = line.judged?.row
    func percent(_ value: Double?) -> String {
      value.map { "\(signed($0, digits: 1)) %" } ?? Column.missing
    }
    return [
      line.published.label,
      line.deltaPoints.map { signed($0, digits: 2) } ?? Column.missing,
      row?.change?.text ?? Column.missing, percent(line.changePercent),
      row?.latencyChange.map { percent($0.percent) + (row?.doubt ?? "") } ?? Column.missing,
      PublishedAgreement(line, numbers)?.text ?? Column.missing,
    ]
  }
}
