import Experiments
import Foundation
import Reporting

/// The passes that `lab profile --ops` has broken down by operation, in `operations.json` of a
/// results folder.
enum OperationsFile {
  private static let name = "operations.json"

  /// Adds a pass; one of the same model, method, device and batch size replaces the earlier one.
  ///
  /// - Throws: `ExperimentsError.folderNotWritable`, `.recordNotStored`.
  static func add(_ breakdown: OperationBreakdown, to folder: URL) throws {
    let all = read(folder).filter { !$0.isOfSame(as: breakdown) } + [breakdown]
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw ExperimentsError.folderNotWritable(
        folder: folder.relativePath, reason: error.localizedDescription)
    }
    try FolderFile.write(try encoder.encode(all) + Data("\n".utf8), to: name, in: folder)
  }

  /// The stored passes; empty if there are none or the file was changed.
  static func read(_ folder: URL) -> [OperationBreakdown] {
    FolderFile.read(name, in: folder)
      .flatMap { try? JSONDecoder().decode([OperationBreakdown].self, from: $0) } ?? []
  }
}
