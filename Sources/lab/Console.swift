import Foundation
import Reporting

/// Text for a person on standard error: errors, warnings, and what is known of the terminal.
enum Console {
  static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Characters of a line, 120 where none is given.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 120 }
    return Int(size.ws_col)
  }

  static func error(_ text: String, prefix: String = "error: ") {
    write(prefix + PlainText.printable(text) + "\n")
  }

  /// What a person should know, though the work goes on.
  static func warn(_ text: String) { error(text, prefix: "warning: ") }

  /// What a person may want to know.
  static func note(_ text: String) { error(text, prefix: "") }

  static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
