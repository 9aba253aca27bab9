import ArgumentParser
import Foundation
import Reporting

/// `lab compare`.
struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Sets two results side by side, with intervals: two machines, two commits.",
    discussion: """
      Examples:
        lab compare quickstart Results/quickstart-on-arm
        lab compare before after --format csv --out change.csv

      The second is compared with the first: a positive difference and a speed-up above 1 are the second's.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, markdown, csv }

  @Argument(help: "A results folder, or its name in Results.", completion: .directory)
  var first: String

  @Argument(help: "The folder to compare with it.", completion: .directory)
  var second: String

  @Option(help: "How to print the comparison.")
  var format = Format.text

  @Option(help: "The file to write instead of printing.", completion: .file())
  var out: String?

  func run() throws {
    let comparison = Comparison(
      a: try RecordedResults(first).report(all: true),
      b: try RecordedResults(second).report(all: true))
    let table = ComparisonTable(comparison)
    let text =
      switch format {
      case .text: table.text(width: out == nil ? Console.listWidth : .max)
      case .markdown: table.markdown()
      case .csv: table.csv()
      }
    try OutputFile.write(text, to: out)
  }
}
