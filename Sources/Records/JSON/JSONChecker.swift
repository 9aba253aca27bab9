import Foundation

/// Walks over the bytes of JSON: the strict check of what came from a file, and fast steps over
/// what was checked.
struct JSONChecker {
  /// Deeper nesting than any record has.
  static let maxDepth = 32

  let text: UnsafeBufferPointer<UInt8>
  /// Objects and arrays that are members of an object, in the order in which they begin.
  private(set) var nested: [Range<Int>] = []
  /// Whether any string has an escape.
  private(set) var hasEscapes = false

  init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

  /// Checks that the text is one value with nothing but blanks around it; returns where the value
  /// begins.
  mutating func check() throws(JSONBytes.Flaw) -> Int {
    if !isASCII, String(validating: text, as: UTF8.self) == nil {
      throw JSONBytes.Flaw(offset: 0)
    }
    let start = pastBlanks(0)
    let end = pastBlanks(try value(at: start, depth: 0))
    guard end == text.count else { throw JSONBytes.Flaw(offset: end) }
    return start
  }

  private var isASCII: Bool {
    // Without an exit inside, the loop is compiled to vector instructions.
    var seen: UInt8 = 0
    for byte in text { seen |= byte }
    return seen < 0x80
  }

  private func pastBlanks(_ start: Int) -> Int {
    var next = start
    while next < text.count, Self.isBlank(text[next]) { next += 1 }
    return next
  }

  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  private mutating func value(at start: Int, depth: Int) throws(JSONBytes.Flaw) -> Int {
    guard start < text.count, depth <= Self.maxDepth else {
      throw JSONBytes.Flaw(offset: start)
    }
    switch text[start] {
    case UInt8(ascii: "{"): return try object(at: start, depth: depth)
    case UInt8(ascii: "["): return try array(at: start, depth: depth)
    case UInt8(ascii: "\""): return try string(at: start)
    case UInt8(ascii: "t"): return try word("true", at: start)
    case UInt8(ascii: "f"): return try word("false", at: start)
    case UInt8(ascii: "n"): return try word("null", at: start)
    default: return try number(at: start)
    }
  }

  private mutating func object(at start: Int, depth: Int) throws(JSONBytes.Flaw) -> Int {
    var next = pastBlanks(start + 1)
    if next < text.count, text[next] == UInt8(ascii: "}") { return next + 1 }
    while true {
      guard next < text.count, text[next] == UInt8(ascii: "\"") else {
        throw JSONBytes.Flaw(offset: next)
      }
      next = pastBlanks(try string(at: next))
      guard next < text.count, text[next] == UInt8(ascii: ":") else {
        throw JSONBytes.Flaw(offset: next)
      }
      next = pastBlanks(try member(at: pastBlanks(next + 1), depth: depth + 1))
      guard next < text.count else { throw JSONBytes.Flaw(offset: next) }
      if text[next] == UInt8(ascii: "}") { return next + 1 }
      guard text[next] == UInt8(ascii: ",") else { throw JSONBytes.Flaw(offset: next) }
      next = pastBlanks(next + 1)
    }
  }

  /// The value of a member, which is noted where it has parts of its own.
  private mutating func member(at start: Int, depth: Int) throws(JSONBytes.Flaw) -> Int {
    guard start < text.count, text[start] | 0x20 == UInt8(ascii: "{") else {
      return try value(at: start, depth: depth)
    }
    let place = nested.count
    nested.append(start..<start)
    let end = try value(at: start, depth: depth)
    nested[place] = start..<end
    return end
  }

  private mutating func array(at start: Int, depth: Int) throws(JSONBytes.Flaw) -> Int {
    var next = pastBlanks(start + 1)
    if next < text.count, text[next] == UInt8(ascii: "]") { return next + 1 }
    while true {
      next = pastBlanks(pastPlainIntegers(pastPlainRows(next)))
      next = pastBlanks(try value(at: next, depth: depth + 1))
      guard next < text.count else { throw JSONBytes.Flaw(offset: next) }
      if text[next] == UInt8(ascii: "]") { return next + 1 }
      guard text[next] == UInt8(ascii: ",") else { throw JSONBytes.Flaw(offset: next) }
      next = pastBlanks(next + 1)
    }
  }

  /// Past every whole number from `start` on that a comma follows at once, as a run writes most
  /// arrays.
  private func pastPlainIntegers(_ start: Int) -> Int {
    guard start < text.count, Self.isDigit(text[start]) else { return start }
    var next = pastPlainText(start, withRows: false)
    while next > start, text[next - 1] != UInt8(ascii: ",") { next -= 1 }
    while true {
      var end = next
      if end < text.count, text[end] == UInt8(ascii: "0") {
        end += 1
      } else {
        while end < text.count, Self.isDigit(text[end]) { end += 1 }
      }
      guard end > next, end < text.count, text[end] == UInt8(ascii: ",") else { return next }
      next = end + 1
    }
  }

  /// Past most arrays of plain whole numbers from `start` on, up to the beginning of one.
  private func pastPlainRows(_ start: Int) -> Int {
    guard start + 1 < text.count, text[start] == UInt8(ascii: "["), Self.isDigit(text[start + 1])
    else { return start }
    var next = pastPlainText(start + 1, withRows: true)
    // A row's beginning is that of an element of this array: every one before has ended.
    while next > start, text[next - 1] != UInt8(ascii: "[") { next -= 1 }
    return max(next - 1, start)
  }

  /// Past blocks of digits and commas that are whole numbers without leading zeros, and, if
  /// `withRows`, of "],[" between them.
  ///
  /// `start` is at a digit, with a comma or bracket before it.
  private func pastPlainText(_ start: Int, withRows: Bool) -> Int {
    typealias Block = SIMD16<UInt8>
    guard let base = UnsafeRawPointer(text.baseAddress) else { return start }
    func isDigit(_ block: Block) -> SIMDMask<SIMD16<Int8>> {
      block &- Block(repeating: UInt8(ascii: "0")) .< Block(repeating: 10)
    }
    let comma = Block(repeating: UInt8(ascii: ",")), zero = Block(repeating: UInt8(ascii: "0"))
    let open = Block(repeating: UInt8(ascii: "[")), close = Block(repeating: UInt8(ascii: "]"))
    var next = start
    while next + Block.scalarCount < text.count {
      let before = base.loadUnaligned(fromByteOffset: next - 1, as: Block.self)
      let block = base.loadUnaligned(fromByteOffset: next, as: Block.self)
      let after = base.loadUnaligned(fromByteOffset: next + 1, as: Block.self)
      let digits = isDigit(block), digitsAfter = isDigit(after)
      let digitsBefore = isDigit(before)
      let isLeadingZero = (block .== zero) .& digitsAfter .& .!digitsBefore
      var isPlain = digits .| ((block .== comma) .& digitsBefore .& digitsAfter)
      if withRows {
        isPlain =
          isPlain .| ((block .== close) .& digitsBefore .& (after .== comma))
          .| ((block .== comma) .& (before .== close) .& (after .== open))
          .| ((block .== open) .& (before .== comma) .& digitsAfter)
      }
      guard all(isPlain .& .!isLeadingZero) else { break }
      next += Block.scalarCount
    }
    return next
  }

  private mutating func string(at start: Int) throws(JSONBytes.Flaw) -> Int {
    var next = start + 1
    while next < text.count {
      switch text[next] {
      case UInt8(ascii: "\""): return next + 1
      case UInt8(ascii: "\\"):
        hasEscapes = true
        next = try escape(at: next)
      case 0..<0x20: throw JSONBytes.Flaw(offset: next)
      default: next += 1
      }
    }
    throw JSONBytes.Flaw(offset: next)
  }

  private func escape(at start: Int) throws(JSONBytes.Flaw) -> Int {
    guard start + 1 < text.count else { throw JSONBytes.Flaw(offset: start) }
    let kind = text[start + 1]
    guard kind == UInt8(ascii: "u") else {
      guard "\"\\/bfnrt".utf8.contains(kind) else { throw JSONBytes.Flaw(offset: start) }
      return start + 2
    }
    guard let unit = hexadecimal(at: start + 2), !(0xDC00...0xDFFF).contains(unit) else {
      throw JSONBytes.Flaw(offset: start)
    }
    guard (0xD800...0xDBFF).contains(unit) else { return start + 6 }
    // A high surrogate stands before a low one only.
    guard start + 11 < text.count, text[start + 6] == UInt8(ascii: "\\"),
      text[start + 7] == UInt8(ascii: "u"), let low = hexadecimal(at: start + 8),
      (0xDC00...0xDFFF).contains(low)
    else { throw JSONBytes.Flaw(offset: start) }
    return start + 12
  }

  private func hexadecimal(at start: Int) -> UInt32? {
    guard start + 4 <= text.count else { return nil }
    var value: UInt32 = 0
    for byte in text[start..<(start + 4)] {
      switch byte {
      case 48...57: value = value << 4 | UInt32(byte - 48)
      case 65...70: value = value << 4 | UInt32(byte - 55)
      case 97...102: value = value << 4 | UInt32(byte - 87)
      default: return nil
      }
    }
    return value
  }

  private func word(_ word: StaticString, at start: Int) throws(JSONBytes.Flaw) -> Int {
    let length = word.utf8CodeUnitCount
    guard start + length <= text.count else { throw JSONBytes.Flaw(offset: start) }
    for offset in 0..<length where text[start + offset] != word.utf8Start[offset] {
      throw JSONBytes.Flaw(offset: start)
    }
    return start + length
  }

  private func number(at start: Int) throws(JSONBytes.Flaw) -> Int {
    var next = start
    func digits() throws(JSONBytes.Flaw) {
      let first = next
      while next < text.count, Self.isDigit(text[next]) { next += 1 }
      guard next > first else { throw JSONBytes.Flaw(offset: next) }
    }
    if text[next] == UInt8(ascii: "-") { next += 1 }
    let whole = next
    try digits()
    guard text[whole] != UInt8(ascii: "0") || next == whole + 1 else {
      throw JSONBytes.Flaw(offset: whole)
    }
    if next < text.count, text[next] == UInt8(ascii: ".") {
      next += 1
      try digits()
    }
    if next < text.count, text[next] | 0x20 == UInt8(ascii: "e") {
      next += 1
      if next < text.count, text[next] == UInt8(ascii: "+") || text[next] == UInt8(ascii: "-") {
        next += 1
      }
      try digits()
    }
    return next
  }

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

  // MARK: Steps over checked text

  /// Where the value that begins at `start` ends, in text that was checked.
  static func end(of start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var next = start
    var depth = 0
    while next < text.count {
      switch text[next] {
      case UInt8(ascii: "\""):
        next += 1
        while text[next] != UInt8(ascii: "\"") { next += text[next] == UInt8(ascii: "\\") ? 2 : 1 }
        next += 1
        if depth == 0 { return next }
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        next += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        // The end of what a bare number or word stands in.
        if depth == 0 { return next }
        depth -= 1
        next += 1
        if depth == 0 { return next }
      case UInt8(ascii: ","), 0x20, 0x0A, 0x0D, 0x09:
        if depth == 0 { return next }
        next += 1
      default: next += 1
      }
    }
    return next
  }

  /// The plain whole number at `next`, which is moved past it; `nil`, and not moved, for any other
  /// spelling.
  @inline(__always)
  static func integer(_ next: inout Int, in text: UnsafeBufferPointer<UInt8>) -> Int? {
    var at = next
    let isNegative = at < text.count && text[at] == UInt8(ascii: "-")
    if isNegative { at += 1 }
    let first = at
    var value = 0
    // As many digits fit whatever they are.
    let plain = Swift.min(text.count, first + 18)
    while at < plain, isDigit(text[at]) {
      value = value &* 10 &+ Int(text[at] &- 48)
      at += 1
    }
    while at < text.count, isDigit(text[at]) {
      let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, isTooLargeToo) = product.addingReportingOverflow(Int(text[at] &- 48))
      if isTooLarge || isTooLargeToo { return nil }
      value = sum
      at += 1
    }
    if at == first { return nil }
    if at < text.count, text[at] == UInt8(ascii: ".") || text[at] | 0x20 == UInt8(ascii: "e") {
      return nil
    }
    next = at
    return isNegative ? -value : value
  }

  /// The most whole numbers that so many bytes of an array can hold: each takes a digit and what
  /// separates it from the next.
  static func maxIntegers(bytes: Int) -> Int { bytes / 2 }

  /// Writes the whole numbers of the array at `next` to `values` from `count` on, and moves past
  /// it; `false` for anything else and for numbers that do not fit.
  @inline(__always)
  private static func integers<Number: FixedWidthInteger>(
    _ next: inout Int, in text: UnsafeBufferPointer<UInt8>,
    to values: UnsafeMutableBufferPointer<Number>, count: inout Int
  ) -> Bool {
    guard next < text.count, text[next] == UInt8(ascii: "[") else { return false }
    var at = next + 1
    while at < text.count, isBlank(text[at]) { at += 1 }
    while at < text.count, text[at] != UInt8(ascii: "]") {
      guard count < values.count, let value = integer(&at, in: text),
        let number = Number(exactly: value)
      else { return false }
      values[count] = number
      count += 1
      while at < text.count, isBlank(text[at]) || text[at] == UInt8(ascii: ",") { at += 1 }
    }
    next = at + 1
    return true
  }

  /// The whole numbers of the array that takes up `range`; `nil` for anything else and for numbers
  /// that do not fit.
  // Unspecialized, every number of a list would be converted through a protocol witness.
  @_specialize(where Number == Int)
  @_specialize(where Number == UInt32)
  static func integers<Number: FixedWidthInteger>(
    _ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>
  ) -> [Number]? {
    var isPlain = false
    let capacity = maxIntegers(bytes: range.count)
    let values = [Number](unsafeUninitializedCapacity: capacity) { values, count in
      var next = range.lowerBound
      isPlain = integers(&next, in: text, to: values, count: &count)
    }
    return isPlain ? values : nil
  }

  /// The whole numbers of the arrays in the array that takes up `range`, one after another, and how
  /// many each has; `nil` for anything else and where they are of different lengths.
  static func integerRows(
    _ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>
  ) -> (values: [Int32], perRow: Int)? {
    guard text[range.lowerBound] == UInt8(ascii: "[") else { return nil }
    var perRow: Int?
    var isEven = true
    let capacity = maxIntegers(bytes: range.count)
    let values = [Int32](unsafeUninitializedCapacity: capacity) { values, total in
      var next = range.lowerBound + 1
      while true {
        while next < text.count, isBlank(text[next]) || text[next] == UInt8(ascii: ",") {
          next += 1
        }
        guard next < text.count, text[next] != UInt8(ascii: "]") else { break }
        let before = total
        isEven = integers(&next, in: text, to: values, count: &total)
        let count = total - before
        isEven = isEven && count > 0 && count == perRow ?? count
        guard isEven else { break }
        perRow = count
      }
    }
    return isEven ? (values, perRow ?? 0) : nil
  }

  /// The number at `start`; `nil` for another kind of value and beyond a `Double`.
  static func number(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Double? {
    var next = start
    let isNegative = text[next] == UInt8(ascii: "-")
    if isNegative { next += 1 }
    guard next < text.count, isDigit(text[next]) else { return nil }
    var mantissa: UInt64 = 0
    var digits = 0
    var exponent = 0
    var isFraction = false
    while next < text.count {
      let byte = text[next]
      if isDigit(byte) {
        digits += 1
        if digits < 19 { mantissa = mantissa * 10 + UInt64(byte &- 48) }
        if isFraction { exponent -= 1 }
      } else if byte == UInt8(ascii: "."), !isFraction {
        isFraction = true
      } else {
        break
      }
      next += 1
    }
    let hasExponent = next < text.count && text[next] | 0x20 == UInt8(ascii: "e")
    if !hasExponent, digits < 19, mantissa <= 1 << 53, exponent >= -22 {
      // Both are exact, so that one division rounds once.
      let value = Double(mantissa) / powers[-exponent]
      return isNegative ? -value : value
    }
    let spelled = String(decoding: text[start..<end(of: start, in: text)], as: UTF8.self)
    guard let value = Double(spelled), value.isFinite else { return nil }
    return value
  }

  /// 10⁰…10²², which are exact.
  private static let powers: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
  ]
}
