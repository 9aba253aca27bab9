import Records

extension PublishedTable {
  /// The blocks of a Markdown document that show the tables; none without tables.
  static func markdown(_ tables: [PublishedTable], escaped: (String) -> String) -> [String] {
    guard !tables.isEmpty else { return [] }
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    return ["## \(title)"]
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

  /// The section of the page that shows the tables; empty without tables.
  static func html(_ tables: [PublishedTable]) -> String {
    guard !tables.isEmpty else { return "" }
    return """
      <section class="published">
      <h2>\(title)</h2>
      \(tables.enumerated().map { $1.html(number: $0 + 1) }.joined(separator: "\n"))
      </section>
      """
  }

  private func html(number: Int) -> String {
    let columns = PublishedColumn.columns(of: self)
    var notes = NumberedNotes()
    let references = lines.map { notes.reference(to: $0.notes) }
    let hasNotes = references.contains { !$0.isEmpty }
    let head = columns.map { column in
      "<th scope=\"col\" class=\"\(column.isNumber ? "number" : "text")\" aria-sort=\"none\">"
        + "<button type=\"button\">\(escapedXML(column.title))</button></th>"
    }
    let body = zip(lines, references).map { line, reference in
      let cells = columns.enumerated().map { index, column in
        let kind = column.isNumber ? "number" : "text"
        let value = column.number(line).map { " data-value=\"\(trimmed($0, digits: 9))\"" } ?? ""
        let text = escapedXML(column.cell(line))
        return index == 0
          ? "<th scope=\"row\" class=\"\(kind)\">\(text)</th>"
          : "<td class=\"\(kind)\"\(value)>\(text)</td>"
      }
      return "<tr>" + cells.joined()
        + (hasNotes ? "<td>\(escapedXML(reference))</td>" : "") + "</tr>"
    }
    let list = notes.lines.map { "<li>\(escapedXML($0))</li>" }.joined(separator: "\n")
    return """
      <p>\(sentences.map(escapedXML).joined(separator: " "))</p>
      <div class="scroll" tabindex="0" role="region" aria-labelledby="published-\(number)">
      <table>
      <caption id="published-\(number)">\(Self.title), \(escapedXML(numbers.source))</caption>
      <thead><tr>\(head.joined())\(hasNotes ? "<th scope=\"col\">notes</th>" : "")</tr></thead>
      <tbody>
      \(body.joined(separator: "\n"))
      </tbody>
      </table>
      </div>
      \(list.isEmpty ? "" : "<ul class=\"notes\">\(list)</ul>")
      """
  }
}

/// Published and measured numbers as comma-separated values with units in the column names.
enum PublishedCSV {
  typealias Value = @Sendable (PublishedTable, PublishedTable.Line) -> String

  /// Name and cell of each column, in order; an unknown value is an empty cell.
  static let columns: [(name: String, cell: Value)] = [
    ("source", { table, _ in table.numbers.source }),
    ("published_hardware", { table, line in line.published.device ?? table.numbers.hardware }),
    ("published_model", { table, _ in table.numbers.model ?? "" }),
    (
      "published_batch_size",
      { table, line in text((line.published.batchSize ?? table.numbers.batchSize).map(Double.init))
      }
    ),
    ("published_label", { _, line in line.published.label }),
    ("published_r", { _, line in text(line.published.r.map(Double.init)) }),
    ("published_top1_percent", { _, line in text(line.published.top1) }),
    ("published_drop_points", { table, line in text(table.numbers.dropPoints(line.published)) }),
    ("published_latency_ms", { _, line in text(line.published.latencyMilliseconds) }),
    (
      "published_change_percent",
      { table, line in text(table.numbers.changePercent(line.published)) }
    ),
    ("published_stated_change_percent", { _, line in text(line.published.statedChangePercent) }),
    ("model", { _, line in line.measured?.group.model.name ?? "" }),
    ("dataset", { _, line in line.measured?.group.dataset?.name ?? "" }),
    ("device", { _, line in line.measured?.group.device?.name ?? "" }),
    ("hardware", { _, line in line.measured?.group.device?.hardware ?? "" }),
    ("batch_size", { _, line in text((line.measured?.group.batchSize).map(Double.init)) }),
    ("label", { _, line in line.measured?.row.label ?? "" }),
    ("top1_percent", { _, line in text(line.measured?.row.accuracy?.top1Percent) }),
    ("drop_points", { _, line in text((line.measured?.row.change?.points).map { -$0 }) }),
    (
      "drop_points_low",
      { _, line in text((line.measured?.row.change?.interval.upper).map { -$0 }) }
    ),
    (
      "drop_points_high",
      { _, line in text((line.measured?.row.change?.interval.lower).map { -$0 }) }
    ),
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
    ("notes", { _, line in line.notes.joined(separator: "; ") }),
  ]

  static func text(_ tables: [PublishedTable]) -> String {
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
