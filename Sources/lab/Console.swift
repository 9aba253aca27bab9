import Foundation
import Reporting
import Support

/// Messages on standard error: errors and warnings, and the properties of the terminal.
enum Console {
  static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// The width of the terminal in characters; 120 if unknown.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 120 }
    return Int(size.ws_col)
  }

  /// A file's path, on a terminal as a link (OSC 8, which other outputs would show as text).
  static func link(to file: URL) -> String {
    guard outputIsTerminal else { return file.relativePath }
    let host = ProcessInfo.processInfo.hostName
    let path =
      file.standardizedFileURL.path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
      ?? file.path
    return "\u{1B}]8;;file://\(host)\(path)\u{1B}\\\(file.relativePath)\u{1B}]8;;\u{1B}\\"
  }

  /// The width of a list's lines in characters; no limit if another program reads it.
  static var listWidth: Int { outputIsTerminal ? width : .max }

  static func error(_ text: String, prefix: String = "error: ") {
    write(prefix + PlainText.printable(text) + "\n")
  }

  /// Prints a warning; the work continues.
  static func warn(_ text: String) { error(text, prefix: "warning: ") }

  /// Warnings of one kind, of which a damaged file may have thousands: the first, then how many
  /// more there are.
  static func warn(all warnings: [String]) {
    for warning in warnings.prefix(mostWarnings) { warn(warning) }
    let rest = warnings.count - mostWarnings
    if rest > 0 { warn("\(counted(rest, "more warning")) of these files") }
  }

  /// What is left in view of a terminal.
  private static let mostWarnings = 20

  /// A paragraph of a list, in lines that fit the terminal.
  static func list(_ text: String, indent: Int = 0) {
    for line in PlainText.lines(text, width: listWidth, indent: indent) { print(line) }
  }

  /// What a person may want to know.
  static func note(_ text: String) { error(text, prefix: "") }

  static func write(_ text: String) {
    // In a file or pipe that receives both streams, the lines stay in the order of printing.
    _ = StandardOutput.flush()
    FileHandle.standardError.write(Data(text.utf8))
  }
}
