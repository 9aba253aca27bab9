/// A report's tables in LaTeX, with the rules of `booktabs`; rows on the front are bold.
struct LaTeXTable {
  let report: Report

  private struct Column {
    let title: String
    let alignment: String
    let cell: (Row) -> String
  }

  func text() -> String {
    let head = #"""
      % \usepackage{booktabs}
      % Bold: on the Pareto front. \approx: within noise of the baseline. \blacktriangledown: slower
      % than the baseline (\usepackage{amssymb}).
      """#
    return ([head] + report.groups.enumerated().map(table)).joined(separator: "\n\n") + "\n"
  }

  private let columns = [
    Column(title: "Method", alignment: "l") { $0.method.name },
    Column(title: "Parameters", alignment: "l") { $0.details },
    Column(title: "Tokens", alignment: "r") { $0.tokensLeft.map(String.init) ?? "–" },
    Column(title: "Top-1 (\\%)", alignment: "r") { $0.accuracy?.top1Text ?? "–" },
    Column(title: "$\\Delta$ (pp)", alignment: "r") { $0.change?.text ?? "–" },
    Column(title: "Latency (ms)", alignment: "r") { $0.latency?.text ?? "–" },
    Column(title: "Speed-up", alignment: "r") { $0.speedup?.text ?? "–" },
    Column(title: "GMACs", alignment: "r") {
      $0.macs.map { significant(Double($0) / 1e9, 3) } ?? "–"
    },
  ]

  private func table(_ index: Int, _ group: RowGroup) -> String {
    let columns = self.columns.filter { column in
      group.rows.contains { !["", "–"].contains(column.cell($0)) }
    }
    let rows = group.rows.map { row in
      let cells = columns.map { column in
        let cell = Self.escaped(column.cell(row))
        return row.isOnFront ? "\\textbf{\(cell)}" : cell
      }
      return "    " + cells.joined(separator: " & ") + " \\\\"
    }
    let parts = [
      group.rows.contains { $0.accuracy != nil } ? "accuracy with half of its 95 % interval" : nil,
      group.rows.contains { $0.latency != nil }
        ? "median latency of a batch with its quartiles" : nil,
    ].compactMap { $0 }
    let shown = parts.joined(separator: ", ")
    let caption = "\(group.title)" + (shown.isEmpty ? "." : "; \(shown).")
    return """
      \\begin{table}
        \\centering
        \\caption{\(Self.escaped(caption))}
        \\label{tab:\(Self.label(report.name))-\(index + 1)}
        \\begin{tabular}{\(columns.map(\.alignment).joined())}
          \\toprule
          \(columns.map(\.title).joined(separator: " & ")) \\\\
          \\midrule
      \(rows.map { "  " + $0 }.joined(separator: "\n"))
          \\bottomrule
        \\end{tabular}
      \\end{table}
      """
  }

  /// Text with LaTeX's own characters escaped and the report's signs in its commands.
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

  /// Letters, digits and hyphens alone.
  private static func label(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" })
  }
}
