import Foundation
import _TestSupport

/// A folder that is deleted after the test.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "lab-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes `text` to a file in the folder.
  func write(_ text: String, to name: String) throws {
    try write(Data(text.utf8), to: name)
  }

  /// Writes `data` to a file in the folder.
  func write(_ data: Data, to name: String) throws {
    let target = URL(filePath: path).appending(path: name)
    try FileManager.default.createDirectory(
      at: target.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: target)
  }

  /// Copies a small image of `Fixtures/formats` to each of the given names.
  func addPictures(_ names: [String], from fixture: String = "ycc420.jpg") throws {
    let data = try Data(contentsOf: Fixtures.url("formats/" + fixture))
    for name in names { try write(data, to: name) }
  }

  /// Creates an empty folder.
  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: path + "/" + name, withIntermediateDirectories: true)
  }
}

/// The error that `body` throws, with the folder's path replaced by DIR, or nil if it does not
/// throw.
func sentence(in folder: TemporaryFolder, _ body: () throws -> some Any) -> String? {
  do {
    _ = try body()
    return nil
  } catch {
    let resolved = URL(filePath: folder.path).absoluteURL.path
    return "\(error)".replacingOccurrences(of: folder.path, with: "DIR")
      .replacingOccurrences(of: resolved, with: "DIR")
  }
}
