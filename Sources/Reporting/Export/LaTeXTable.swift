/// A report's tables in LaTeX with the rules of `booktabs`; rows on the front are bold.
struct LaTeXTable {
  let report: Report
  /// Whether every column is shown, across both text columns of a page.
  var isWide = false

  private struct Column: Sendable {
    let title: String
    let alignment: String
    let cell: @Sendable (Row) -> String
  }

  func text() -> String {
    let head = #"""
      % \usepackage{booktabs}
      % Bold: on the Pareto front. \approx: within noise of the baseline. \blacktriangledown: slower
      % than the baseline (\usepackage{amssymb}). "?": the timing is not reliable.
      """#
    return ([head] + report.tables.enumerated().map(table)).joined(separator: "\n\n") + "\n"
  }

  /// The columns that fit into one text column of a paper.
  private static let narrow = [
    Column(title: "Method", alignment: "l") {
      let details = $0.isBaseline ? "" : $0.distinguishingParameters
      return details.isEmpty ? $0.method.name : "\($0.method.name) \(details)"
    },
    Column(title: "Top-1 (\\%)", alignment: "r") {
      $0.accuracy.map { fixed($0.top1Percent, digits: $0.digits) } ?? Reporting.Column.missing
    },
    Column(title: "$\\Delta$", alignment: "r") { $0.change?.text ?? Reporting.Column.missing },
    Column(title: "ms", alignment: "r") { row in
      row.latency.map { significant($0.milliseconds.median) + row.doubt }
        ?? Reporting.Column.missing
    },
    Column(title: "Speed-up", alignment: "r") { $0.speedup?.text ?? Reporting.Column.missing },
  ]

  /// All columns, for the full width of a page.
  private static let wide = [
    Column(title: "Method", alignment: "l") { $0.method.name },
    Column(title: "Parameters", alignment: "l") { $0.details },
    Column(title: "Tokens", alignment: "r") {
      $0.tokensLeft.map(String.init) ?? Reporting.Column.missing
    },
    Column(title: "Top-1 (\\%)", alignment: "r") {
      $0.accuracy?.top1Text ?? Reporting.Column.missing
    },
    Column(title: "$\\Delta$ (pp)", alignment: "r") { $0.change?.text ?? Reporting.Column.missing },
    Column(title: "Latency (ms)", alignment: "r") { row in
      row.latency.map { $0.text + row.doubt } ?? Reporting.Column.missing
    },
    Column(title: "Speed-up", alignment: "r") { $0.speedup?.text ?? Reporting.Column.missing },
    Column(title: "GMACs", alignment: "r") {
      $0.macs.map { significant(Double($0) / 1e9, 3) } ?? Reporting.Column.missing
    },
    Column(title: "Images", alignment: "r") {
      $0.race == nil ? "–" : $0.accuracy.map { grouped($0.images) } ?? "–"
    },
    Column(title: "vs random (pp)", alignment: "r") { $0.control?.text ?? "–" },
    Column(title: "vs explicit", alignment: "r") { $0.explicitSpeedup?.text ?? "–" },
  ]

  private func table(_ index: Int, _ group: RowGroup) -> String {
    let columns = (isWide ? Self.wide : Self.narrow).filter { column in
      group.rows.contains { !["", Reporting.Column.missing].contains(column.cell($0)) }
    }
    let environment = isWide ? "table*" : "table"
    let rows = group.rows.map { row in
      let cells = columns.map { column in
        let cell = Self.escaped(column.cell(row))
        return row.isOnFront ? "\\textbf{\(cell)}" : cell
      }
      return "    " + cells.joined(separator: " & ") + " \\\\"
    }
    let parts = [
      isWide && group.rows.contains { $0.accuracy != nil }
        ? "accuracy with half of its 95 \\% interval" : nil,
      group.rows.contains { $0.change != nil }
        ? "$\\Delta$ in percentage points against the baseline" : nil,
      group.rows.contains { $0.latency != nil }
        ? "median latency of a batch" + (isWide ? " with its quartiles" : "") : nil,
    ].compactMap { $0 }
    let shown = parts.joined(separator: ", ")
    let caption = Self.escaped(group.title) + (shown.isEmpty ? "." : "; \(shown).")
    return """
      \\begin{\(environment)}
        \\centering
        \\caption{\(caption)}
        \\label{tab:\(Self.label(report.name))-\(index + 1)}
        \\footnotesize
        \\setlength{\\tabcolsep}{3pt}
        \\begin{tabular}{@{}\(columns.map(\.alignment).joined())@{}}
          \\toprule
          \(columns.map(\.title).joined(separator: " & ")) \\\\
          \\midrule
      \(rows.map { "  " + $0 }.joined(separator: "\n"))
          \\bottomrule
        \\end{tabular}
      \\end{\(environment)}
      """
  }

  /// Text with LaTeX's special characters escaped and the report's symbols as LaTeX commands.
  static func escaped(_ text: String) -> String {
    text.map { character in
      switch character {
      case "&", "%", "$", "#", "_", "{", "}": "\\\(character)"
      case "~": "\\textasciitilde{}"
      case "^": "\\textasciicircum{}"
      case "\\": "\\textbackslash{}"
      case "±": "$\\pm$"
      case "×": "$\\times$"
      case "≈": "$\\approx$"
      case "▼": "$\\blacktriangledown$"
      case "−": "$-$"
      case "α": "$\\alpha$"
      case "·": "$\\cdot$"
      case "–": "--"
      case "…": "\\ldots{}"
      case "\n": " "
      default: String(character)
      }
    }.joined()
  }

  /// Text with everything but letters and digits replaced by hyphens.
  private static func label(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
  }
}
