import Foundation

/// The rows of the report that the last run of a folder requested, in `rows.json` next to the
/// records.
package enum RowsFile {
  private static let fileName = "rows.json"

  /// Stores the rows, completely or not at all.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package static func write(_ rows: [PlannedRow], to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let lines = try rows.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    let text = "[\n\(lines.joined(separator: ",\n"))\n]\n"
    try FolderFile.write(Data(text.utf8), to: fileName, in: folder)
  }

  /// The rows, or `nil` if no run has stored any or an incompatible version has.
  package static func read(_ folder: URL) -> [PlannedRow]? {
    FolderFile.read(fileName, in: folder).flatMap {
      try? JSONDecoder().decode([PlannedRow].self, from: $0)
    }
  }
}
