import Files
import Foundation

/// The text of a spec's file.
enum SpecText {
  /// A spec with the published numbers of the whole field would have a hundredth of this size.
  private static let maxBytes = 4 << 20

  /// The text of a file in UTF-8.
  ///
  /// - Throws: `ExperimentsError.fileUnreadable`, which distinguishes other encodings from what is
  ///   not text.
  static func read(_ file: String) throws(ExperimentsError) -> String {
    let data: Data
    do throws(FileError) {
      data = Data(try InputFile.contents(of: file, maxBytes: maxBytes))
    } catch .unreadable(_, let reason) {
      throw .fileUnreadable(
        file: file, reason: reason.prefix(1).lowercased() + reason.dropFirst())
    } catch {
      throw .impossible(subject: file, message: error.reason)
    }
    guard let text = String(data: data, encoding: .utf8), !data.contains(0) else {
      throw .fileUnreadable(file: file, reason: reason(data))
    }
    return text
  }

  /// Why bytes are not UTF-8 text.
  private static func reason(_ data: Data) -> String {
    let marks: [[UInt8]] = [[0xFF, 0xFE], [0xFE, 0xFF]]
    // JSON begins with two ASCII characters, of which UTF-16 makes every other byte 0.
    let head = data.prefix(4).map { $0 == 0 }
    if marks.contains(where: data.starts) || head == [false, true, false, true]
      || head == [true, false, true, false]
    {
      return "it is UTF-16 text; save it as UTF-8"
    }
    if data.contains(0) { return "it is no text; a spec is a JSON file" }
    return "it is not UTF-8 text (line \(lineOfMistake(data))); save it as UTF-8"
  }

  /// The first line that is not UTF-8, counted from 1.
  private static func lineOfMistake(_ data: Data) -> Int {
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return (lines.firstIndex { String(data: Data($0), encoding: .utf8) == nil } ?? 0) + 1
  }
}
