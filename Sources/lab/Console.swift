import Foundation
import Logging
import Reporting

/// Text for a person beside the output: errors, warnings, and what is known of the terminal.
enum Console {
  static let log: Logger = {
    LoggingSystem.bootstrap { _ in PlainLogHandler() }
    return Logger(label: "lab")
  }()

  static var outputIsTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  static var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Characters of a line, 120 where nobody says.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 120 }
    return Int(size.ws_col)
  }

  static func error(_ text: String, prefix: String = "error: ") {
    write(prefix + PlainText.printable(text) + "\n")
  }

  static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// Writes `warning: …` to standard error.
struct PlainLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let prefix = event.level >= .warning ? "\(event.level): " : ""
    Console.write("\(prefix)\(PlainText.printable("\(event.message)"))\n")
  }
}
