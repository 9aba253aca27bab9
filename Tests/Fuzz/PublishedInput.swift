import Experiments
import Foundation
import Reporting

/// `published.json` of a results folder, which is drawn next to recorded rows; the same bytes are
/// also read as `rows.json`.
enum PublishedInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    try Data(bytes).write(to: folder.appendingPathComponent("rows.json"))
    _ = RowsFile.read(folder)
    let tables: [PublishedNumbers]
    do {
      tables = try PublishedNumbers.tables(of: Data(bytes))
    } catch is DecodingError {
      return
    }
    try Drawing.draw(Report(records: [], name: "fuzz", published: tables), folder)
  }
}
