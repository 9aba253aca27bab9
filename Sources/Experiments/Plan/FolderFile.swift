import Files
import Foundation
import Support

/// A small file that a run leaves next to the records for the report.
package enum FolderFile {
  /// More than the rows of a hundred thousand methods have.
  private static let maxBytes = 64 << 20

  /// Stores `data`, whole or not at all.
  ///
  /// - Throws: `ExperimentsError.recordNotStored`.
  package static func write(_ data: Data, to name: String, in folder: URL) throws {
    do {
      try WholeFile.write(data, to: folder.appendingPathComponent(name))
    } catch {
      throw ExperimentsError.recordNotStored(
        file: "\(folder.relativePath)/\(name)", reason: systemReason(of: error))
    }
  }

  /// What the last run stored; `nil` where none has, and for what is no regular file.
  package static func read(_ name: String, in folder: URL) -> Data? {
    let path = PathBytes(folder.appendingPathComponent(name).path)
    return (try? RegularFile.contents(of: path, maxBytes: maxBytes)).map { Data($0) }
  }
}
