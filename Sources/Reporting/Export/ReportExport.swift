import Records

/// A report in the formats of other programs.
package enum ReportExport {
  /// Comma-separated values: every row of every table; the columns are explained in
  /// `Results/README.md`.
  package static func csv(_ report: Report) -> String { CSVTable.all(report) }

  /// An object with the report's name and an array of rows; the keys are the CSV's columns, and
  /// missing values are `null`.
  package static func json(_ report: Report) -> String {
    let rows = report.groups.flatMap { group in
      group.rows.map { row in
        JSONValue.object(
          Dictionary(
            CSVTable.columns.map { ($0.name, $0.value(group, row)) },
            uniquingKeysWith: { first, _ in first }))
      }
    }
    return JSONText.document(.object(["name": .string(report.name), "rows": .array(rows)]))
  }

  /// One `table` environment per table of the report, for the `booktabs` package.
  ///
  /// - Parameter isWide: Whether every column is shown, across both text columns of a page.
  package static func latex(_ report: Report, isWide: Bool = false) -> String {
    LaTeXTable(report: report, isWide: isWide).text()
  }

  /// A Jupyter notebook (nbformat 4.5) that reads the report's CSV files and redraws its figures.
  ///
  /// - Parameter results: The path of the report's folder relative to the notebook.
  package static func notebook(_ report: Report, results: String) -> String {
    Notebook(report: report, results: results).text()
  }
}
