import Foundation

/// Files in other languages than Swift, embedded in the program.
enum Resource {
  static let style = text(PackageResources.page_css)
  /// The page's script, after the code for charts that it uses.
  static let script = text(PackageResources.chart_js) + "\n" + text(PackageResources.page_js)
  static let notebookTables = text(PackageResources.notebook_tables_py)
  static let notebookSettings = text(PackageResources.notebook_settings_py)
  static let notebookPareto = text(PackageResources.notebook_pareto_py)
  static let notebookStaircase = text(PackageResources.notebook_staircase_py)
  static let notebookFront = text(PackageResources.notebook_front_py)

  /// The text without the file's last line break.
  private static func text(_ bytes: [UInt8]) -> String {
    String(
      decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }
}
