/// A report as a Markdown document with its figures linked.
struct MarkdownReport {
  let report: Report
  /// Paths relative to the document, with captions.
  let figures: [(path: String, caption: String)]

  func text() -> String {
    var blocks = ["# \(escaped(report.name))"]
    if !report.about.description.isEmpty { blocks.append(escaped(report.about.description)) }
    if let verdict = report.verdict { blocks.append("> **\(escaped(verdict.text))**") }
    blocks += report.remarks.map { "> \(escaped($0))" }
    for figure in figures { blocks.append("![\(figure.caption)](\(figure.path))") }
    blocks += report.tables.flatMap { section(of: $0) }
    if report.groups.isEmpty && report.operations.isEmpty { blocks.append("No results yet.") }
    if !report.operations.isEmpty {
      blocks += OperationsTable(breakdowns: report.operations).markdown(escaped: escaped)
    }
    blocks += VariantTable.markdown(report.variants, escaped: escaped)
    blocks += PublishedTable.markdown(report.published, escaped: escaped)
    if !report.failures.isEmpty {
      blocks.append("## Failed trials")
      blocks.append(
        report.failures.map { "- \(escaped($0.trial)): \(escaped($0.message))" }
          .joined(separator: "\n"))
    }
    blocks.append("## How to read this")
    blocks.append(
      (Mark.legend + Self.explanations(of: report)).map { "- \($0)" }.joined(separator: "\n"))
    blocks += provenance()
    return blocks.joined(separator: "\n\n") + "\n"
  }

  static let explanations = [
    "tokens: the tokens after the last block, including the class token and other prefix tokens",
    "top-1 ±: half the width of Wilson's 95 % interval",
    "Δ top-1: percentage points relative to `none` on the same images, with a paired bootstrap "
      + "interval",
    "latency: milliseconds per batch: the median and, in brackets, the quartiles (type 7)",
    "speed-up: the baseline's median latency divided by the row's, with a bootstrap interval that "
      + "resamples whole rounds of timings, in blocks of consecutive rounds",
    "next step down: the nearest decrease of latency on the measured staircase; the gain is the "
      + "step's height times the fraction of blocks that would run below it; methods that reduce at "
      + "several blocks are on several steps and have none",
    "GMACs: multiply-adds of one image in billions, counted from the shapes that ran",
    "peak MB: the maximum memory in use while the row was timed, in millions of bytes",
  ]

  /// The meaning of the columns of a report's tables.
  static func explanations(of report: Report) -> [String] {
    let shown = Set(
      report.tables.flatMap { $0.filled(Column.comparisonInDocuments).map(\.title) })
    let explanations =
      explanations + Column.comparisonExplanations.filter { shown.contains($0.title) }.map(\.text)
    guard report.tables.contains(where: \.isOfModels) else { return explanations }
    return explanations + [
      "traffic: the minimum that the operations of one image read and write, in millions of bytes: "
        + "inputs, weights and outputs once each, with a batch's weights divided among its images, "
        + "without regard to caches"
    ]
  }

  private func section(of group: RowGroup) -> [String] {
    var notes = NumberedNotes()
    let references = group.rows.map { notes.reference(to: $0.notes) }
    let columns = group.filled(Column.document(of: group))
    let hasNotes = references.contains { !$0.isEmpty }
    var lines = [line(columns.map(\.title) + (hasNotes ? ["notes"] : []))]
    lines.append(
      line(
        columns.map { $0.alignment == .leading ? ":--" : "--:" } + (hasNotes ? [":--"] : [])))
    for (row, reference) in zip(group.rows, references) {
      let cells = columns.map { row.isOnFront ? bold($0.cell(row)) : $0.cell(row) }
      lines.append(line(cells + (hasNotes ? [reference] : [])))
    }
    let told =
      notes.lines + [group.simulatedText, group.droppedText].compactMap { $0 } + group.choiceLines
    let listed = told.map { "\(escaped($0))  " }.joined(separator: "\n")
    let steps = group.nextStepLines.map { "- \(escaped($0))" }.joined(separator: "\n")
    return ["## \(escaped(group.title))", lines.joined(separator: "\n")]
      + (listed.isEmpty ? [] : [listed])
      + (steps.isEmpty ? [] : ["Next step down the staircase:", steps])
  }

  private func provenance() -> [String] {
    guard !report.provenance.isEmpty else { return [] }
    let lines = report.provenance.map { escaped("- \($0.text)") }
    return ["## \(report.provenanceTitle)", lines.joined(separator: "\n")]
  }

  private func line(_ cells: [String]) -> String {
    "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
  }

  private func bold(_ text: String) -> String {
    text.isEmpty || text == Column.missing ? text : "**\(text)**"
  }

  /// Text that Markdown shows unchanged.
  private func escaped(_ text: String) -> String {
    text.replacing("\n", with: " ").map { character in
      "*`<[_".contains(character) ? "\\\(character)" : "\(character)"
    }.joined()
  }
}
