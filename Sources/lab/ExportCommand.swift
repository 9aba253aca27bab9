import ArgumentParser
import Experiments
import Foundation
import Reporting

/// `lab export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes results for other programs: a notebook, CSV, LaTeX or JSON.",
    discussion: """
      Examples:
        lab export notebook quickstart
        lab export latex quickstart > table.tex

      A notebook goes to notebooks-export/NAME.ipynb and reads the CSV files of the results; the others are printed.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case notebook, csv, latex, json }

  @Argument(help: "The format.")
  var format: Format

  @Argument(help: "A results folder, or its name in Results.", completion: .directory)
  var results: String

  @Flag(help: "With latex: every column, for a page's whole width.")
  var wide = false

  @Option(help: "The file to write.", completion: .file())
  var out: String?

  @Flag(help: "Take every row that was measured, not only those that the last run asked for.")
  var all = false

  func run() throws {
    let results = try RecordedResults(results)
    let report = results.report(all: all)
    switch format {
    case .csv: try OutputFile.write(ReportExport.csv(report), to: out)
    case .latex: try OutputFile.write(ReportExport.latex(report, isWide: wide), to: out)
    case .json: try OutputFile.write(ReportExport.json(report), to: out)
    case .notebook:
      // A notebook reads these files.
      try ReportWriter.write(report, to: results.folder)
      let file = out ?? "notebooks-export/\(results.name).ipynb"
      let folder = URL(fileURLWithPath: file).deletingLastPathComponent()
      try OutputFile.write(
        ReportExport.notebook(report, results: Self.path(to: results.folder, from: folder)),
        to: file)
    }
  }

  /// `target` as seen from `folder`: `../Results/quickstart`.
  static func path(to target: URL, from folder: URL) -> String {
    let target = target.standardizedFileURL.pathComponents
    let folder = folder.standardizedFileURL.pathComponents
    let shared = zip(target, folder).prefix { $0 == $1 }.count
    let parts = Array(repeating: "..", count: folder.count - shared) + target[shared...]
    return parts.isEmpty ? "." : parts.joined(separator: "/")
  }
}
