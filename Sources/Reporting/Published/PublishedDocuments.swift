import Records

extension PublishedTable {
  /// The blocks of a Markdown document that show the tables; none without tables.
  static func markdown(_ tables: [PublishedTable], escaped: (String) -> String) -> [String] {
    guard !tables.isEmpty else { return [] }
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    return ["## \(heading(of: tables))"]
      + tables.flatMap { table -> [String] in
        let columns = PublishedColumn.columns(of: table)
        var notes = NumberedNotes()
        let references = table.lines.map { notes.reference(to: $0.notes) }
        let hasNotes = references.contains { !$0.isEmpty }
        let head = line(columns.map(\.title) + (hasNotes ? ["notes"] : []))
        let rule = line(
          columns.map { $0.isNumber ? "--:" : ":--" } + (hasNotes ? [":--"] : []))
        let body = zip(table.lines, references).map { row, reference in
          line(columns.map { escaped($0.cell(row)) } + (hasNotes ? [reference] : []))
        }
        let listed = notes.lines.map { "\(escaped($0))  " }.joined(separator: "\n")
        return [
          table.sentences.map(escaped).joined(separator: " "),
          ([head, rule] + body).joined(separator: "\n"),
        ] + (listed.isEmpty ? [] : [listed])
      }
  }

  /// The common heading of all tables.
  private static func heading(of tables: [PublishedTable]) -> String {
    let titles = Set(tables.map(\.title))
    return titles.count == 1 ? titles.first ?? "" : "Published, measured and simulated"
  }

  /// The section of the page that shows the tables; `nil` without tables.
  static func section(_ tables: [PublishedTable]) -> Markup? {
    guard !tables.isEmpty else { return nil }
    return Markup(
      "section", ["class": "published"],
      children: [Markup("h2", text: heading(of: tables))]
        + tables.enumerated().flatMap { $1.nodes(number: $0 + 1) })
  }

  private func nodes(number: Int) -> [Markup] {
    let columns = PublishedColumn.columns(of: self)
    var notes = NumberedNotes()
    let references = lines.map { notes.reference(to: $0.notes) }
    let rows = lines.map { line in
      Markup(
        "tr",
        children: columns.enumerated().map { index, column in
          HTMLTable.cell(
            column.cell(line), isNumber: column.isNumber, isHeading: index == 0,
            value: column.number(line))
        })
    }
    let table = HTMLTable(
      id: "published-\(number)", caption: "\(title), table \(number): \(numbers.source)",
      headings: columns.map { HTMLTable.heading($0.title, isNumber: $0.isNumber) }, rows: rows,
      references: references)
    return [Markup("p", text: sentences.joined(separator: " ")), table.node]
      + HTMLTable.notes(notes.lines)
  }
}

/// Published and measured numbers as comma-separated values with units in the column names.
enum PublishedCSV {
  typealias Value = @Sendable (PublishedTable, PublishedTable.Line) -> String

  /// Name and cell of each column, in order; an unknown value is an empty cell.
  static let columns: [(name: String, cell: Value)] = [
    ("source", { table, _ in table.numbers.source }),
    ("published_hardware", { table, line in line.published.device ?? table.numbers.hardware }),
    ("published_model", { table, line in line.published.model ?? table.numbers.model ?? "" }),
    (
      "published_batch_size",
      { table, line in text((line.published.batchSize ?? table.numbers.batchSize).map(Double.init))
      }
    ),
    ("published_label", { _, line in line.published.label }),
    ("published_r", { _, line in text(line.published.r.map(Double.init)) }),
    ("published_top1_percent", { _, line in text(line.published.top1) }),
    (
      "published_delta_top1_points",
      { _, line in text(line.deltaPoints) }
    ),
    ("published_latency_ms", { _, line in text(line.published.latencyMilliseconds) }),
    (
      "published_change_percent",
      { _, line in text(line.changePercent) }
    ),
    ("published_stated_change_percent", { _, line in text(line.published.statedChangePercent) }),
    ("model", { _, line in line.judged?.group.model.name ?? "" }),
    ("dataset", { _, line in line.judged?.group.dataset?.name ?? "" }),
    ("device", { _, line in line.measured?.group.device?.name ?? "" }),
    ("hardware", { _, line in line.measured?.group.device?.hardware ?? "" }),
    ("batch_size", { _, line in text((line.measured?.group.batchSize).map(Double.init)) }),
    ("label", { _, line in line.measured?.row.label ?? "" }),
    ("top1_percent", { _, line in text(line.judged?.row.accuracy?.top1Percent) }),
    ("delta_top1_points", { _, line in text(line.judged?.row.change?.points) }),
    ("delta_top1_points_low", { _, line in text(line.judged?.row.change?.interval.lower) }),
    ("delta_top1_points_high", { _, line in text(line.judged?.row.change?.interval.upper) }),
    ("latency_ms_median", { _, line in text(line.measured?.row.latency?.milliseconds.median) }),
    ("change_percent", { _, line in text(line.measured?.row.latencyChange?.percent) }),
    (
      "change_percent_low",
      { _, line in text(line.measured?.row.latencyChange?.interval.lower) }
    ),
    (
      "change_percent_high",
      { _, line in text(line.measured?.row.latencyChange?.interval.upper) }
    ),
    (
      "judged", { table, line in PublishedAgreement(line, table.numbers)?.text ?? "" }
    ),
    ("notes", { _, line in line.notes.joined(separator: "; ") }),
  ]

  /// Columns that are added if something is simulated.
  private static let simulatedColumns: [(name: String, cell: Value)] = [
    ("simulated_device", { _, line in line.simulated?.group.device?.name ?? "" }),
    ("simulated_label", { _, line in line.simulated?.row.label ?? "" }),
    (
      "simulated_latency_ms",
      { _, line in text(line.simulated?.row.latency?.milliseconds.median) }
    ),
    (
      "simulated_change_percent", { _, line in text(line.simulated?.row.latencyChange?.percent) }
    ),
  ]

  static func text(_ tables: [PublishedTable]) -> String {
    let columns =
      columns + (tables.contains(where: \.isSimulated) ? simulatedColumns : [])
    var lines = [columns.map(\.name).joined(separator: ",")]
    for table in tables {
      for line in table.lines {
        lines.append(columns.map { CSVTable.quoted($0.cell(table, line)) }.joined(separator: ","))
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func text(_ value: Double?) -> String {
    value.map { trimmed($0, digits: 4) } ?? ""
  }
}
