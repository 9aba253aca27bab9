/// Makes text from files and users safe for a terminal.
package enum PlainText {
  /// `text` with its control characters made visible, because a terminal would execute them; line
  /// breaks and tabs are kept.
  package static func printable(_ text: String) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar.properties.generalCategory == .control, scalar != "\n", scalar != "\t" {
        shown += "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars
      } else {
        shown.append(scalar)
      }
    }
    return String(shown)
  }

  /// `text` in lines of at most `width` characters, wrapped between words.
  ///
  /// Leading spaces are kept, and lines after the first are indented by `indent` more.
  package static func lines(_ text: String, width: Int, indent: Int = 0) -> [String] {
    guard text.count > width else { return [text] }
    let start = String(repeating: " ", count: text.prefix { $0 == " " }.count)
    let rest = start + String(repeating: " ", count: indent)
    let words = TextTable.wrapped(
      String(text.dropFirst(start.count)), at: max(1, width - rest.count))
    return words.enumerated().map { ($0 == 0 ? start : rest) + $1 }
  }
}
