import Foundation
import Records
import Testing

@testable import Experiments

@Suite struct JSONTextTests {
  @Test(arguments: [
    #"{"a": [1, -2, 3.5, 1e3, -0.25, 0], "b": {"c": null, "d": true, "e": false}}"#,
    #""quotes \" and \\ and \/ and \n\t\r\b\f""#, #""\u00e9 \ud83d\ude00 é 😀""#, "[]", "{}",
    "  12  ", "123456789012345678901234567890",
  ])
  func `values match JSONDecoder`(_ text: String) throws {
    let expected = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    #expect(try JSONText.parse(text).canonical == expected.canonical)
  }

  @Test func `whole numbers such as 1e3 are integers as in JSON Schema, unless they overflow Int`()
    throws
  {
    #expect(
      try JSONText.parse("[1, 1.0, 1e3, 1.5, 1e23]")
        == .array([.integer(1), .integer(1), .integer(1000), .number(1.5), .number(1e23)]))
  }

  @Test(arguments: [
    ("[1, 2", 1, 6), ("[1 2]", 1, 4), ("{\"a\" 1}", 1, 6), ("{\n\"a\": tru}", 2, 6),
    ("\"abc", 1, 1), ("\"a\\x\"", 1, 3), ("\"\\ud800\"", 1, 2), ("1.", 1, 1), ("-", 1, 1),
    (".5", 1, 1), ("+1", 1, 1), ("1.e5", 1, 1), ("[,]", 1, 2), ("{1: 2}", 1, 2), ("é", 1, 1),
    ("[\"é\", x]", 1, 7),
  ])
  func `an error is reported at its position`(_ text: String, _ line: Int, _ column: Int) {
    let mistake = #expect(throws: JSONText.Mistake.self) { try JSONText.parse(text) }
    #expect(mistake?.line == line)
    #expect(mistake?.column == column)
  }

  @Test func `very deep nesting is refused instead of overflowing the stack`() {
    let mistake = #expect(throws: JSONText.Mistake.self) {
      try JSONText.parse(String(repeating: "[", count: 100_000))
    }
    #expect(mistake?.message == "values are nested deeper than 200 levels")
  }
}
