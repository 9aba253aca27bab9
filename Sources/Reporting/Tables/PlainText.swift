/// Text of files and people as a terminal may show it.
package enum PlainText {
  /// `text` with its control characters made visible, since a terminal obeys them; line breaks and
  /// tabs stay.
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
