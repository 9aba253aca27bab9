import Files
import Foundation
import Support

/// A small file that a run writes next to the records, for the report.
package enum FolderFile {
  /// Larger than the rows of a hundred thousand methods.
  private static let maxBytes = 64 << 20

  /// Stores `data`, completely or not at all.
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

  /// The content stored by the last run; `nil` if there is none or it is not a regular file.
  package static func read(_ name: String, in folder: URL) -> Data? {
    let path = PathBytes(folder.appendingPathComponent(name).path)
    return (try? RegularFile.contents(of: path, maxBytes: maxBytes)).map { Data($0) }
  }
}
