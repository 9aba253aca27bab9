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
}
