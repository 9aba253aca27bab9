import Records

/// Parses JSON text, and reports errors by line and column.
///
/// Differs from `JSONDecoder`: a duplicate key in an object is an error, and comments are reported
/// as such.
struct JSONText {
  /// A position that is not JSON.
  struct Mistake: Error {
    let line: Int
    let column: Int
    let message: String
  }

  private let scalars: [Unicode.Scalar]
  private var position = 0
  private var depth = 0
  private static let deepest = 200
  private static let digits: ClosedRange<Unicode.Scalar> = "0"..."9"

  private init(_ text: String) {
    scalars = Array(text.unicodeScalars)
    if scalars.first == "\u{FEFF}" { position = 1 }
  }

  /// The value of a whole text.
  static func parse(_ text: String) throws(Mistake) -> JSONValue {
    var reader = JSONText(text)
    let value = try reader.value()
    try reader.skipSpace()
    guard reader.position == reader.scalars.count else {
      throw reader.mistake("\(reader.found) follows the end of the value; remove it")
    }
    return value
  }

  private var current: Unicode.Scalar? {
    position < scalars.count ? scalars[position] : nil
  }

  private static let singleQuotes = "JSON has no single quotes; write double quotes"

  /// A description of the current position, for messages.
  private var found: String {
    switch current {
    case nil: "the end of the file"
    case "\n", "\r": "the end of the line"
    case let scalar? where scalar.properties.generalCategory == .control:
      "a control character (\(scalar.codePoint))"
    case let scalar?: "'\(scalar)'"
    }
  }

  private func mistake(_ message: String, at place: Int? = nil) -> Mistake {
    let before = scalars[..<(place ?? position)]
    let line = before.count { $0 == "\n" } + 1
    let lineStart = before.lastIndex(of: "\n").map { $0 + 1 } ?? 0
    return Mistake(
      line: line, column: before.count - lineStart + 1, message: message.shortenedForMessage)
  }

  private mutating func skipSpace() throws(Mistake) {
    while let scalar = current {
      if scalar == "/" || scalar == "#" {
        throw mistake("JSON has no comments; remove this one, or put it into \"description\"")
      }
      guard scalar == " " || scalar == "\n" || scalar == "\t" || scalar == "\r" else { return }
      position += 1
    }
  }

  private mutating func value() throws(Mistake) -> JSONValue {
    try skipSpace()
    switch current {
    case "{": return try nested { (reader) throws(Mistake) in try reader.object() }
    case "[": return try nested { (reader) throws(Mistake) in try reader.array() }
    case "\"": return .string(try string())
    case let scalar? where scalar == "-" || Self.digits ~= scalar: return try number()
    case let scalar? where scalar.properties.isAlphabetic: return try word()
    case "'": throw mistake(Self.singleQuotes)
    case "+", ".": throw mistake("a number begins with a digit or '-', not with \(found)")
    default: throw mistake("a value is expected, not \(found)")
    }
  }

  private mutating func nested(
    _ read: (inout JSONText) throws(Mistake) -> JSONValue
  ) throws(Mistake) -> JSONValue {
    depth += 1
    guard depth <= Self.deepest else {
      throw mistake("values are nested deeper than \(Self.deepest) levels")
    }
    defer { depth -= 1 }
    return try read(&self)
  }

  /// The literals of JSON, and advice for those of other languages.
  private mutating func word() throws(Mistake) -> JSONValue {
    let start = position
    let text = wordText()
    switch text {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "null": return .null
    default: break
    }
    let message =
      switch text.lowercased() {
      case "true", "false": "JSON has no \(text); write \(text.lowercased())"
      case "nan", "inf", "infinity": Self.notANumber(text)
      case "none", "null", "nil", "undefined": "JSON has no \(text); leave the key out"
      default:
        "a value is expected, not '\(String(text.prefix(1)))'; text needs double quotes around it"
      }
    throw mistake(message, at: start)
  }

  private static func notANumber(_ text: String) -> String {
    "JSON has no \(text); write a number"
  }

  /// Reads letters, digits and underscores from the current position.
  private mutating func wordText() -> String {
    let start = position
    while let scalar = current,
      scalar.properties.isAlphabetic || Self.digits ~= scalar || scalar == "_"
    {
      position += 1
    }
    return String(String.UnicodeScalarView(scalars[start..<position]))
  }

  private mutating func object() throws(Mistake) -> JSONValue {
    position += 1
    var members: [String: JSONValue] = [:]
    try skipSpace()
    if current == "}" {
      position += 1
      return .object(members)
    }
    while true {
      try skipSpace()
      guard current == "\"" else {
        throw mistake(
          current == "'"
            ? Self.singleQuotes : "a key in double quotes is expected, not \(found)")
      }
      let start = position
      let key = try string()
      try skipSpace()
      guard current == ":" else {
        throw mistake("':' is expected after the key \"\(key)\", not \(found)")
      }
      position += 1
      let value = try value()
      guard members.updateValue(value, forKey: key) == nil else {
        throw mistake("the key \"\(key)\" appears twice; keep one", at: start)
      }
      if try !comma(closing: "}") { return .object(members) }
    }
  }

  private mutating func array() throws(Mistake) -> JSONValue {
    position += 1
    var values: [JSONValue] = []
    try skipSpace()
    if current == "]" {
      position += 1
      return .array(values)
    }
    while true {
      values.append(try value())
      if try !comma(closing: "]") { return .array(values) }
    }
  }

  /// Whether another element follows; `false` after the closing bracket.
  private mutating func comma(closing: Unicode.Scalar) throws(Mistake) -> Bool {
    try skipSpace()
    let place = position
    if current == closing {
      position += 1
      return false
    }
    guard current == "," else { throw mistake("',' or '\(closing)' is expected, not \(found)") }
    position += 1
    try skipSpace()
    guard current != closing else {
      throw mistake("nothing follows this comma; remove it", at: place)
    }
    return true
  }

  private mutating func number() throws(Mistake) -> JSONValue {
    let start = position
    var isWhole = true
    while let scalar = current, "+-.eE0123456789".unicodeScalars.contains(scalar) {
      if !(Self.digits ~= scalar || scalar == "-" && position == start) { isWhole = false }
      position += 1
    }
    let text = String(String.UnicodeScalarView(scalars[start..<position]))
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    let isShaped =
      digits.first.map { ("0"..."9").contains($0) } == true
      && !(digits.count > 1 && digits.hasPrefix("0") && digits.dropFirst().first != "."
        && !"eE".contains(digits.dropFirst().prefix(1)))
      && !text.hasSuffix(".") && !text.contains(".e") && !text.contains(".E")
    if isShaped, isWhole, let value = Int(text) { return .integer(value) }
    guard isShaped, let value = Double(text) else {
      let word = text == "-" ? wordText() : ""
      guard !["nan", "inf", "infinity"].contains(word.lowercased()) else {
        throw mistake(Self.notANumber(text + word), at: start)
      }
      throw mistake("'\(text)' is not a number", at: start)
    }
    guard value.isFinite else {
      throw mistake("'\(text)' is larger than any number that the program holds", at: start)
    }
    // `2.0` and `1e3` are whole numbers, as in JSON Schema; from 2⁵³ on, a Double is not exact.
    if value == value.rounded(), abs(value) < 0x1p53 { return .integer(Int(value)) }
    return .number(value)
  }

  private mutating func string() throws(Mistake) -> String {
    let start = position
    position += 1
    var text = String.UnicodeScalarView()
    while let scalar = current {
      position += 1
      switch scalar {
      case "\"": return String(text)
      case "\\": text.append(try escape())
      case "\n", "\r": throw mistake("this text has no closing quote", at: start)
      case let scalar where scalar.value < 0x20 && scalar != "\t":
        position -= 1
        throw mistake("text cannot hold a control character (\(scalar.codePoint)); remove it")
      default: text.append(scalar)
      }
    }
    throw mistake("this text has no closing quote", at: start)
  }

  private mutating func escape() throws(Mistake) -> Unicode.Scalar {
    let start = position - 1
    guard let scalar = current else { throw mistake("this text has no closing quote", at: start) }
    position += 1
    switch scalar {
    case "\"", "\\", "/": return scalar
    case "n": return "\n"
    case "t": return "\t"
    case "r": return "\r"
    case "b": return "\u{8}"
    case "f": return "\u{C}"
    case "u":
      let first = try hexadecimal(start)
      guard 0xD800..<0xDC00 ~= first else {
        guard let single = Unicode.Scalar(first) else { break }
        return single
      }
      guard position + 1 < scalars.count, scalars[position] == "\\", scalars[position + 1] == "u"
      else { break }
      position += 2
      let second = try hexadecimal(start)
      guard 0xDC00..<0xE000 ~= second,
        let pair = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      else { break }
      return pair
    default: break
    }
    throw mistake("this escape is not known; write '\\\\' for a backslash", at: start)
  }

  private mutating func hexadecimal(_ start: Int) throws(Mistake) -> UInt32 {
    let end = position + 4
    guard end <= scalars.count,
      let code = UInt32(String(String.UnicodeScalarView(scalars[position..<end])), radix: 16)
    else { throw mistake("\\u needs four hexadecimal digits", at: start) }
    position = end
    return code
  }
}

extension Unicode.Scalar {
  /// For example `U+001B`.
  var codePoint: String {
    let digits = String(value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
