import Files
import Foundation

/// The command line of the last run of a folder, in `command.json` beside the records: a report
/// names it where timings should be taken again.
package enum CommandFile {
  private static let fileName = "command.json"

  /// Stores the arguments, whole or not at all.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package static func write(_ arguments: [String], to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    do {
      let data = try encoder.encode(arguments) + Data("\n".utf8)
      try data.write(to: folder.appendingPathComponent(fileName), options: .atomic)
    } catch {
      throw ExperimentsError.recordNotStored(
        file: "\(folder.relativePath)/\(fileName)", reason: systemReason(of: error))
    }
  }

  /// The arguments, the program first, or `nil` where no run has left any.
  package static func read(_ folder: URL) -> [String]? {
    guard let data = try? Data(contentsOf: folder.appendingPathComponent(fileName)) else {
      return nil
    }
    return try? JSONDecoder().decode([String].self, from: data)
  }
}
