import Files
import Foundation
import Records
import Support

/// The published numbers of the last run of a folder, in `published.json` next to the records.
package enum PublishedFile {
  package static let name = "published.json"

  /// Stores a spec's published numbers, completely or not at all; `nil` deletes those of an earlier
  /// run.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package static func write(_ published: JSONValue?, to folder: URL) throws {
    let file = folder.appendingPathComponent(name)
    do {
      guard let published else {
        if FileManager.default.fileExists(atPath: file.path) {
          try FileManager.default.removeItem(at: file)
        }
        return
      }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try WholeFile.write(encoder.encode(published) + Data("\n".utf8), to: file)
    } catch {
      throw ExperimentsError.recordNotStored(
        file: "\(folder.relativePath)/\(name)", reason: systemReason(of: error))
    }
  }

  /// The numbers of the last run, or `nil` if it had none.
  package static func read(_ folder: URL) -> Data? {
    FolderFile.read(name, in: folder)
  }
}
