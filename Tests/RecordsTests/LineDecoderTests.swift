import Foundation
import Testing

@testable import Records

@Suite struct LineDecoderTests {
  @Test(arguments: RecordTests.measurements)
  func `a line is read as JSONDecoder reads it`(measurement: Record.Measurement) throws {
    let record = Record(
      key: "k\"\\/\u{e9}\u{1F600}\n", measurement: measurement,
      environment: RecordTests.environment)
    let line = try JSONEncoder().encode(record)
    let decoder = LineDecoder()
    for _ in 0..<2 {
      #expect(try decoder.decode(Record.self, from: JSONBytes(Array(line))) == record)
    }
  }

  @Test func `numbers match the standard library exactly`() throws {
    var generator = SystemRandomNumberGenerator()
    let spelled = [
      "0", "-0.0", "1e3", "0.1", "123456789012345678", "5e-324", "1.5E+2", "9007199254740993",
    ]
    let random = (0..<3_000).map { round in
      round % 2 == 0
        ? "\(Double.random(in: 0...1e4, using: &generator))"
        : "\(Double(bitPattern: UInt64.random(in: 0..<0x7FE0_0000_0000_0000, using: &generator)))"
    }
    for text in spelled + random {
      let found = try LineDecoder().decode([Double].self, from: JSONBytes(Array("[\(text)]".utf8)))
      #expect(found.map(\.bitPattern) == [Double(text)?.bitPattern])
    }
    #expect(
      try LineDecoder().decode(
        [Int].self, from: JSONBytes(Array("[0, -7,9223372036854775807]".utf8)))
        == [0, -7, .max])
    #expect(
      try LineDecoder().decode(
        [UInt32].self, from: JSONBytes(Array("[0, 7,4294967295]".utf8))) == [0, 7, .max])
    for wrong in ["[-1]", "[4294967296]", "[1.5]", "[\"1\"]", "7"] {
      #expect(throws: DecodingError.self) {
        try LineDecoder().decode([UInt32].self, from: JSONBytes(Array(wrong.utf8)))
      }
    }
  }

  @Test func `JSON values keep their types, and duplicate keys are refused`() throws {
    let text = #" {"a":[1,1.5,true,null,"x\u00e9\ud83d\ude00\/"],"b":{"c":-3},"d":{},"e":[]} "#
    #expect(
      try LineDecoder().decode(JSONValue.self, from: JSONBytes(Array(text.utf8)))
        == JSONDecoder().decode(JSONValue.self, from: Data(text.utf8)))
    for text in [#"{"a":1,"a":1}"#, #"{"x":{"a":1,"\u0061":2}}"#] {
      #expect(throws: DecodingError.self) {
        try LineDecoder().decode(JSONValue.self, from: JSONBytes(Array(text.utf8)))
      }
    }
  }

  @Test(arguments: [
    "", " ", "{", "}", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{a:1}", "[1 2]", "tru", "nul", "-",
    "01",
    "1.", ".5", "1e", "+1", "0x1", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\udc00\"",
    "\"\\ud800\\u0041\"", "\"\t\"", "[1]]", "{}{}", "NaN", "Infinity", "'a'", "[1]//",
  ])
  func `invalid JSON is refused`(_ text: String) {
    #expect(throws: JSONBytes.Flaw.self) { try JSONBytes(Array(text.utf8)) }
  }

  @Test func `invalid UTF-8 and very deep nesting are refused`() {
    #expect(throws: JSONBytes.Flaw.self) { try JSONBytes([0x22, 0xE9, 0x22]) }
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    #expect(throws: JSONBytes.Flaw.self) { try JSONBytes(deep) }
  }

  private struct Nested: Decodable {
    struct Part: Decodable { let numbers: [Int] }
    let parts: [Part]
  }

  @Test(arguments: [
    (#"{"parts":[{"numbers":[1]},{"numbers":[1,"2"]}]}"#, ["parts", "1", "numbers"]),
    (#"{"parts":[{"numbers":7}]}"#, ["parts", "0", "numbers"]),
    (#"{"e\u0301":[[1],[2]],"parts":{}}"#, ["parts"]), ("[]", []),
  ])
  func `an error names the keys that lead to it`(text: String, path: [String]) throws {
    let line = try JSONBytes(Array(text.utf8))
    let error = #expect(throws: DecodingError.self) {
      try LineDecoder().decode(Nested.self, from: line)
    }
    guard case .typeMismatch(_, let context) = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(context.codingPath.map(\.stringValue) == path)
  }

  @Test func `long lists are read correctly, repeated or not, with and without spaces`()
    throws
  {
    let numbers = (0..<300).map { $0 * 7 % 1000 }
    let plain = "[" + numbers.map { "\($0)" }.joined(separator: ",") + "]"
    let decoder = LineDecoder()
    for text in [plain, plain, plain.replacing(",", with: " ,\n "), plain] {
      #expect(try decoder.decode([Int].self, from: JSONBytes(Array(text.utf8))) == numbers)
    }
    for wrong in ["00", "01", "-", "1.", "1,", "x", "[1", "9223372036854775808"] {
      let text = plain.dropLast() + "," + wrong + "]"
      #expect(throws: (any Error).self) {
        try decoder.decode([Int].self, from: JSONBytes(Array(text.utf8)))
      }
    }
  }

  @Test(arguments: [
    "[10,2,0,30,4,500,6,7,80,9,0,11,12,1,0,3]", "[[1,20,0],[30,4,5],[6,70,8],[9,0,1],[2,3,4]]",
    "[0,[1,2],[[3],[4,5],[60,7],[8,9,10],[11]],[12,13,14,15],16]",
  ])
  func `arrays with any one byte changed are refused where the grammar refuses them`(
    text: String
  ) throws {
    let bytes = Array(text.utf8)
    for place in bytes.indices {
      for byte in "0123456789,[]{}-. e\"\u{E9}".utf8 {
        var changed = bytes
        changed[place] = byte
        var rest = changed[...]
        let isJSON = try Self.takesArray(&rest) && rest.isEmpty
        let isTaken = (try? JSONBytes(changed)) != nil
        #expect(isTaken == isJSON, "\(String(decoding: changed, as: UTF8.self))")
      }
    }
  }

  /// Takes an array of numbers and arrays from the front of `text`, as RFC 8259 writes them.
  private static func takesArray(_ text: inout ArraySlice<UInt8>) throws -> Bool {
    func takes(_ byte: Character) -> Bool {
      text = text.drop { $0 == UInt8(ascii: " ") }
      guard text.first == byte.asciiValue else { return false }
      text = text.dropFirst().drop { $0 == UInt8(ascii: " ") }
      return true
    }
    guard takes("[") else { return false }
    if takes("]") { return true }
    let number = try Regex("-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?")
    repeat {
      if text.first == UInt8(ascii: "[") {
        guard try takesArray(&text) else { return false }
      } else {
        let ascii = String(decoding: text.prefix { $0 < 128 }, as: UTF8.self)
        guard let found = ascii.prefixMatch(of: number) else { return false }
        text = text.dropFirst(found.0.utf8.count)
      }
    } while takes(",")
    return takes("]")
  }

  @Test(arguments: [9, 65_535, 65_536, 2_147_483_647])
  func `class numbers of any size are read back`(largest: Int) throws {
    let lists = [[largest, 0, 1], [2, largest, 3]]
    let classes = RankedClasses(lists)
    #expect(Array(classes) == lists)
    #expect(classes.bounds?.min == 0 && classes.bounds?.max == largest)
    #expect(classes.isTop1(0, largest) && !classes.isTop1(1, largest) && classes.isTop5(1, largest))
    #expect(classes.best(1) == 2 && classes.best(2) == nil)
    #expect(!classes.hasRepeats && RankedClasses([[largest, 1, largest]]).hasRepeats)
    let line = try JSONBytes(Array(try JSONEncoder().encode(classes)))
    #expect(try LineDecoder().decode(RankedClasses.self, from: line) == classes)
  }
}
