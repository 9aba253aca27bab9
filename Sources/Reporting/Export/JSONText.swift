import Foundation
import Records

/// JSON as text with sorted keys, so that equal values give equal bytes.
enum JSONText {
  /// JSON on one line.
  static func line(_ value: JSONValue) -> String { text(value, []) }

  /// Indented JSON with a line break at the end.
  static func document(_ value: JSONValue) -> String { text(value, [.prettyPrinted]) + "\n" }

  private static func text(_ value: JSONValue, _ formatting: JSONEncoder.OutputFormatting) -> String
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    // Only NaN and infinity cannot be encoded, and no report contains them.
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
  }
}
