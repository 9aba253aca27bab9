import Foundation
import Records

/// JSON as text, keys sorted, so that equal values give equal bytes.
enum JSONText {
  /// One line.
  static func line(_ value: JSONValue) -> String { text(value, []) }

  /// Indented, with a line break at the end.
  static func document(_ value: JSONValue) -> String { text(value, [.prettyPrinted]) + "\n" }

  private static func text(_ value: JSONValue, _ formatting: JSONEncoder.OutputFormatting) -> String
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    // Only NaN and infinities cannot be encoded, and no report holds them.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
  }
}
