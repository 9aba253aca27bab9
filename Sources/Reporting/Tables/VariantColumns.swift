import Records

extension VariantTable {
  static let heading = "Precision and pruning"

  static let titles = [
    "", "precision", "engine", "method", "parameters", "top-1 %", "Δ pp to float32 (95 %)",
    "same class %", "other tokens", "latency ms", "speed-up",
  ]
  /// The number of leading columns that contain text.
  static let textColumns = 5

  static let explanations = [
    "Δ to float32: top-1 relative to the same method in the first precision, on the same images, "
      + "with a paired bootstrap interval",
    "same class: images whose best class is that of the first precision",
    "other tokens: images whose reductions kept or merged different tokens than in the first "
      + "precision",
    "speed-up: over the unpruned pass of the first precision and engine",
  ]

  static func cells(_ line: Line) -> [String] {
    let change = line.change.map { change in
      let low = signed(change.interval.lower, digits: change.digits)
      let high = signed(change.interval.upper, digits: change.digits)
      return "\(change.text) (\(low)…\(high))"
    }
    let same = line.agreement.map {
      fixed(100 * Double($0.sameClass) / Double(max(1, $0.images)), digits: 1)
    }
    let others = line.agreement.flatMap { agreement in
      agreement.otherTokens.map { "\(grouped($0)) of \(grouped(agreement.images))" }
    }
    return [
      line.isOnFront ? Mark.front : "", line.group.precision,
      line.group.device.map { $0.engine ?? ($0.threads > 0 ? "packed" : "") } ?? "",
      line.row.method.name, line.row.parameters,
      line.row.accuracy?.top1Text ?? Column.missing, change ?? Column.missing,
      same ?? Column.missing, others ?? Column.missing,
      line.row.latency.map { significant($0.milliseconds.median) + line.row.doubt }
        ?? Column.missing,
      line.speedup.map {
        "\(fixed($0, digits: 2))×\(line.isReliable ? "" : " \(Mark.unreliable)")"
      } ?? Column.missing,
    ]
  }

  /// The blocks of a Markdown document that show the tables; none without tables.
  static func markdown(_ tables: [VariantTable], escaped: (String) -> String) -> [String] {
    guard !tables.isEmpty else { return [] }
    func line(_ cells: [String]) -> String {
      "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }
    let rule = titles.indices.map { $0 < textColumns ? ":--" : "--:" }
    return ["## \(heading)"]
      + tables.flatMap { table in
        [
          escaped(table.title),
          ([line(titles), line(rule)] + table.lines.map { line(cells($0).map(escaped)) })
            .joined(separator: "\n"),
        ]
      } + [explanations.map { "- \($0)" }.joined(separator: "\n")]
  }

  /// The section of the page that shows the tables; `nil` without tables.
  static func section(_ tables: [VariantTable]) -> Markup? {
    guard !tables.isEmpty else { return nil }
    let nodes = tables.enumerated().map { index, table in
      HTMLTable(
        id: "variants-\(index + 1)", caption: table.title,
        headings: titles.enumerated().map {
          HTMLTable.heading($1, isNumber: $0 >= textColumns)
        },
        rows: table.lines.map { line in
          Markup(
            "tr",
            children: cells(line).enumerated().map { index, cell in
              HTMLTable.cell(
                cell, isNumber: index >= textColumns, isHeading: index == 3, value: nil)
            })
        }, references: table.lines.map { _ in "" }
      ).node
    }
    return Markup(
      "section",
      children: [Markup("h2", text: heading)] + nodes + HTMLTable.notes(explanations))
  }

  /// The tables in aligned columns for a terminal of `width` characters, without columns that are
  /// empty in a table.
  static func text(_ tables: [VariantTable], width: Int) -> [String] {
    tables.map { table in
      let rows = table.lines.map(cells)
      let shown = titles.indices.filter { index in
        rows.contains { $0[index] != Column.missing && !$0[index].isEmpty }
      }
      func chosen(_ cells: [String]) -> [String] { shown.map { cells[$0] } }
      let aligned = TextTable(
        header: chosen(titles),
        alignments: shown.map { $0 < textColumns ? .leading : .trailing },
        rows: rows.map(chosen))
      let lines = aligned.lines(
        width: width, dropping: ["other tokens", "same class %", "engine", "top-1 %"],
        wrapping: "parameters")
      return
        (PlainText.lines(
          PlainText.printable("\(heading): \(table.title)"), width: width, indent: 2) + lines)
        .joined(separator: "\n")
    }
  }
}
