import Files
import Foundation

/// The command line of the last run of a folder, in `command.json` next to the records: a report
/// shows it if timings should be repeated.
package enum CommandFile {
  private static let fileName = "command.json"

  /// Stores the arguments, completely or not at all.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package static func write(_ arguments: [String], to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    try FolderFile.write(
      try encoder.encode(arguments) + Data("\n".utf8), to: fileName, in: folder)
  }

  /// The arguments, beginning with the program, or `nil` if no run has stored any.
  package static func read(_ folder: URL) -> [String]? {
    FolderFile.read(fileName, in: folder).flatMap {
      try? JSONDecoder().decode([String].self, from: $0)
    }
  }
}
