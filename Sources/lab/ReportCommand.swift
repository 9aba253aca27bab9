import ArgumentParser
import Experiments
import Foundation

/// `lab report`.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Renders the report of records that are there; measures nothing.",
    discussion: """
      Examples:
        lab report quickstart
        lab report Results/quickstart --all
        lab report quickstart --png

      Records from other machines are joined by copying their .jsonl files into the folder.
      """)

  @Argument(help: "A results folder, or its name in Results.", completion: .directory)
  var results: String

  @Flag(help: "Show every row that was measured, not only those that the last run asked for.")
  var all = false

  @Flag(help: "Write the figures as PNG too, with rsvg-convert or Chromium.")
  var png = false

  func run() throws {
    let results = try RecordedResults(results)
    try Rendering.write(
      records: results.records, rows: all ? nil : results.rows, name: results.name,
      folder: results.folder)
    guard png else { return }
    let converter = try SVGConverter(for: "--png", rest: "; the SVG figures are written")
    print(try converter.writeFigures(in: results.folder).joined(separator: ", "))
  }
}
