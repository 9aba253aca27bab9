import Files
import Foundation
import Support

/// Output to standard output, or to a file that the user named.
enum OutputFile {
  /// Prints `text`, or writes it to `file`, creating its folder, and prints the file's name.
  ///
  /// - Throws: `UnwritableFile`.
  static func write(_ text: String, to file: String?) throws {
    guard let file else {
      print(text, terminator: text.hasSuffix("\n") ? "" : "\n")
      return
    }
    try store(text, in: file)
    print(file)
  }

  /// Writes text completely to `file`, creating its folder.
  static func store(_ text: String, in file: String) throws {
    try store(Data(text.utf8), in: file)
  }

  /// Writes bytes completely to `file`, creating its folder.
  ///
  /// - Throws: `UnwritableFile`.
  static func store(_ data: Data, in file: String) throws {
    let url = URL(fileURLWithPath: file)
    do {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try WholeFile.store(data, at: url)
    } catch {
      throw UnwritableFile(path: file, reason: systemReason(of: error))
    }
  }
}

/// A file that a person named cannot be written.
struct UnwritableFile: Error, CustomStringConvertible {
  let path: String
  /// The system's, as `systemReason` words it.
  let reason: String

  var description: String { "\(path): cannot be written: \(reason)" }
}
