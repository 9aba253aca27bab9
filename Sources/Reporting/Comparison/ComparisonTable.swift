import Records
import Support

/// A comparison as text for a terminal, as Markdown, or as comma-separated values.
package struct ComparisonTable {
  private let comparison: Comparison
  private static let missing = Column.missing

  package init(_ comparison: Comparison) { self.comparison = comparison }

  private static let titles = [
    "method", "parameters", "A top-1 %", "B top-1 %", "Δ pp (95 %)", "A ms", "B ms",
    "B over A (95 %)",
  ]

  /// Aligned columns within `width` characters; ends with a line break.
  package func text(width: Int = .max) -> String {
    let blocks = comparison.groups.map { group in
      let table = TextTable(
        header: Self.titles,
        alignments: [.leading, .leading] + Self.titles.dropFirst(2).map { _ in .trailing },
        rows: group.rows.map(Self.cells))
      return
        (([group.title] + sides(of: group).map { "  \($0)" }).flatMap {
          PlainText.lines($0, width: width, indent: 2)
        }
        + table.lines(
          width: width, dropping: ["A top-1 %", "B top-1 %", "A ms", "B ms"], wrapping: "parameters"
        ))
        .joined(separator: "\n")
    }
    return
      (blocks.isEmpty
      ? [Self.nothing]
      : blocks + [
        legend.flatMap { PlainText.lines($0, width: width, indent: 2) }.joined(separator: "\n")
      ])
      .joined(separator: "\n\n") + "\n"
  }

  /// A document with one table per pair.
  package func markdown() -> String {
    var blocks = ["# \(comparison.names.first) (A) and \(comparison.names.second) (B)"]
    for group in comparison.groups {
      blocks.append("## \(group.title)")
      blocks.append(sides(of: group).map { "- \($0)" }.joined(separator: "\n"))
      let rule = Self.titles.indices.map { $0 < 2 ? ":--" : "--:" }
      let lines = [Self.titles, rule] + group.rows.map(Self.cells)
      blocks.append(
        lines.map { cells in
          "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
        }.joined(separator: "\n"))
    }
    blocks.append(comparison.groups.isEmpty ? Self.nothing : legend.joined(separator: "  \n"))
    return blocks.joined(separator: "\n\n") + "\n"
  }

  /// One line per row, with units in the column names.
  package func csv() -> String {
    let columns = [
      "model", "batch_size", "a_precision", "b_precision", "method", "parameters", "a_hardware",
      "b_hardware",
      "a_top1_percent", "b_top1_percent", "delta_top1_points", "delta_top1_points_low",
      "delta_top1_points_high", "delta_mcnemar_mid_p", "a_latency_ms_median",
      "b_latency_ms_median", "speedup", "speedup_low", "speedup_high",
    ]
    let lines = comparison.groups.flatMap { group in
      group.rows.map { row in
        let names = [
          group.first.model.name, group.first.batchSize.map(String.init) ?? "",
          group.first.precision, group.second.precision, row.method.name,
          JSONText.line(.object(row.method.parameters)),
          group.first.device?.hardware ?? "", group.second.device?.hardware ?? "",
        ]
        let numbers = [
          row.first?.accuracy?.top1Percent, row.second?.accuracy?.top1Percent, row.change?.points,
          row.change?.interval.lower, row.change?.interval.upper, row.change?.midP,
          row.first?.latency?.milliseconds.median, row.second?.latency?.milliseconds.median,
          row.speedup?.ratio, row.speedup?.interval.lower, row.speedup?.interval.upper,
        ]
        return
          (names.map(CSVTable.quoted)
          + numbers.map { $0.map { trimmed($0, digits: 6) } ?? "" }).joined(separator: ",")
      }
    }
    return ([columns.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
  }

  private static let nothing =
    "The two reports share no model and batch size whose precisions can be paired."
  private var legend: [String] {
    let isDoubtful = comparison.groups.contains { group in
      group.rows.contains { $0.speedup?.isReliable == false }
    }
    return [
      "B over A: how many times as fast B is; \(Mark.withinNoise) within noise, "
        + "\(Mark.slower) slower beyond noise"
        + (isDoubtful ? ", \(Mark.unreliable) timing not reliable" : ""),
      "Δ: B's top-1 minus A's on the same images, \(Mark.withinNoise) within noise; left out where the "
        + "data sets differ",
    ]
  }

  private func sides(of group: ComparedGroup) -> [String] {
    [("A", comparison.names.first, group.first), ("B", comparison.names.second, group.second)].map {
      let place = [
        $2.device?.text,
        $2.dataset.map { "\($0.name), \(grouped($0.images)) \(noun($0.images, "image"))" },
      ]
      let commits = Set($2.rows.compactMap { $0.latency?.environment.commit }).sorted()
        .filter { !$0.isEmpty }.map(Provenance.short)
      return "\($0): \($1), "
        + (place.compactMap { $0 } + commits.map { "commit \($0)" }).joined(separator: "; ")
    }
  }

  private static func cells(_ row: ComparedRow) -> [String] {
    let change = row.change.map { change in
      let low = signed(change.interval.lower, digits: change.digits)
      let high = signed(change.interval.upper, digits: change.digits)
      return "\(change.text) (\(low)…\(high))"
    }
    let speedup = row.speedup.map { speedup in
      let low = fixed(speedup.interval.lower, digits: 2)
      let high = fixed(speedup.interval.upper, digits: 2)
      return "\(speedup.text) (\(low)–\(high))"
    }
    func milliseconds(_ row: Row?) -> String {
      row?.latency.map { significant($0.milliseconds.median) } ?? missing
    }
    return [
      row.method.name, row.parameters.isEmpty ? missing : row.parameters,
      row.first?.accuracy?.top1Text ?? missing, row.second?.accuracy?.top1Text ?? missing,
      change ?? missing, milliseconds(row.first), milliseconds(row.second), speedup ?? missing,
    ]
  }
}
