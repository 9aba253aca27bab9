/// Files in other languages than Swift, embedded in the program.
enum Resource {
  static let style = text(EmbeddedText.page_css)
  /// The page's script, after the code for charts that it uses.
  static let script = text(EmbeddedText.chart_js) + "\n" + text(EmbeddedText.page_js)
  static let notebookTables = text(EmbeddedText.notebook_tables_py)
  static let notebookSettings = text(EmbeddedText.notebook_settings_py)
  static let notebookPareto = text(EmbeddedText.notebook_pareto_py)
  static let notebookStaircase = text(EmbeddedText.notebook_staircase_py)
  static let notebookFront = text(EmbeddedText.notebook_front_py)

  /// The text without the file's last line break.
  private static func text(_ file: String) -> String {
    file.last == "\n" ? String(file.dropLast()) : file
  }
}
