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

      Records from other machines are joined by copying their .jsonl files into the folder.
      """)

  @Argument(help: "A results folder, or its name in Results.", completion: .directory)
  var results: String

  @Flag(help: "Show every row that was measured, not only those that the last run asked for.")
  var all = false

  func run() throws {
    let folder = try Self.folder(results)
    let (records, warnings) = try RecordsFolder.read(folder)
    for warning in warnings { Console.log.warning("\(warning)") }
    guard !records.isEmpty else {
      throw ExperimentsError.impossible(
        subject: folder.relativePath, message: "holds no record; `lab run` makes them")
    }
    try Rendering.write(
      records: records, rows: all ? nil : RowsFile.read(folder),
      name: folder.lastPathComponent, folder: folder)
  }

  /// The folder that is meant by a path or by a name in `Results`.
  static func folder(_ text: String) throws -> URL {
    for path in [text, "Results/\(text)"] {
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
        return URL(fileURLWithPath: path, isDirectory: true)
      }
    }
    let known = ((try? FileManager.default.contentsOfDirectory(atPath: "Results")) ?? [])
      .filter { !$0.hasPrefix(".") }.sorted()
    guard !known.isEmpty else {
      throw ExperimentsError.impossible(
        subject: text, message: "is no results folder, and Results holds none; `lab run` makes them"
      )
    }
    throw ExperimentsError.impossible(
      subject: text,
      message: "is no results folder; "
        + NearestName.advice(
          text, among: known, noun: "folders in Results"))
  }
}
