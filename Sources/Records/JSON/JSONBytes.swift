/// One JSON value as bytes, checked to be whole and strict JSON.
///
/// Edge cases: values nested deeper than ``maxDepth``, text that is not UTF-8, lone surrogates and
/// anything after the value are flaws; so is a key that an object has twice, once that object is
/// read.
package final class JSONBytes {
  /// Deeper nesting than any record has.
  package static let maxDepth = 32

  package let bytes: [UInt8]
  /// Where the value begins, past leading blanks.
  package let start: Int
  /// Those of the whole value, which several readings ask for; `nil` where they are to be found
  /// yet.
  private var rootMembers: [Member]?

  /// Where bytes are no JSON.
  package struct Flaw: Error {
    /// Counted in bytes from 0.
    package let offset: Int
  }

  package init(_ bytes: [UInt8]) throws(Flaw) {
    self.bytes = bytes
    var failure: Flaw?
    var begin = 0
    bytes.withUnsafeBufferPointer { text in
      var checker = JSONChecker(text: text)
      do throws(Flaw) {
        begin = try checker.check()
      } catch { failure = error }
    }
    if let failure { throw failure }
    start = begin
  }

  /// The members of the object at `start`, or `nil` where another kind of value is.
  ///
  /// - Throws: ``Flaw`` for a key that comes twice.
  func members(at start: Int) throws(Flaw) -> [Member]? {
    if start == self.start, let rootMembers { return rootMembers }
    guard bytes[start] == UInt8(ascii: "{") else { return nil }
    var members: [Member] = []
    var next = pastBlanks(start + 1)
    while bytes[next] == UInt8(ascii: "\"") {
      let keyEnd = end(of: next)
      let value = pastBlanks(pastBlanks(keyEnd) + 1)
      let valueEnd = end(of: value)
      members.append(Member(key: next..<keyEnd, value: value..<valueEnd))
      next = pastBlanks(valueEnd)
      if bytes[next] == UInt8(ascii: ",") { next = pastBlanks(next + 1) }
    }
    if let twice = repeated(members) { throw Flaw(offset: twice) }
    if start == self.start { rootMembers = members }
    return members
  }

  /// A key and its value, as ranges of bytes; the key with its quotes.
  struct Member {
    let key: Range<Int>
    let value: Range<Int>
  }

  /// Where a key stands that another member has too.
  private func repeated(_ members: [Member]) -> Int? {
    if members.count > 24 {
      var seen: Set<String> = []
      return members.first { !seen.insert(string(at: $0.key)).inserted }?.key.lowerBound
    }
    for (position, member) in members.enumerated() {
      for other in members[..<position] where isSameKey(member.key, other.key) {
        return member.key.lowerBound
      }
    }
    return nil
  }

  private func isSameKey(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
    let mayHide = bytes[a].contains(UInt8(ascii: "\\")) || bytes[b].contains(UInt8(ascii: "\\"))
    guard !mayHide else { return string(at: a) == string(at: b) }
    return a.count == b.count && bytes[a].elementsEqual(bytes[b])
  }

  /// Whether the quoted text at `range` spells `key`.
  func spells(_ range: Range<Int>, _ key: String) -> Bool {
    var key = key
    return key.withUTF8 { wanted in
      guard range.count - 2 == wanted.count else { return false }
      for offset in 0..<wanted.count where bytes[range.lowerBound + 1 + offset] != wanted[offset] {
        return false
      }
      return true
    } || bytes[range].contains(UInt8(ascii: "\\")) && string(at: range) == key
  }

  /// The value at a key of the whole object, as a range of bytes; `nil` without one.
  package func range(of key: String) -> Range<Int>? {
    guard let members = try? members(at: start) else { return nil }
    return members.first { spells($0.key, key) }?.value
  }

  /// The starts of the elements of the array at `start`, or `nil` where another kind of value is.
  func elements(at start: Int) -> [Int]? {
    guard bytes[start] == UInt8(ascii: "[") else { return nil }
    var elements: [Int] = []
    var next = pastBlanks(start + 1)
    while bytes[next] != UInt8(ascii: "]") {
      elements.append(next)
      next = pastBlanks(end(of: next))
      if bytes[next] == UInt8(ascii: ",") { next = pastBlanks(next + 1) }
    }
    return elements
  }

  func pastBlanks(_ start: Int) -> Int {
    var next = start
    while next < bytes.count, JSONChecker.isBlank(bytes[next]) { next += 1 }
    return next
  }

  /// Where the value that begins at `start` ends.
  func end(of start: Int) -> Int {
    bytes.withUnsafeBufferPointer { JSONChecker.end(of: start, in: $0) }
  }

  // MARK: Values

  /// The text of the string that begins at `start`, or `nil` where another kind of value is.
  func text(at start: Int) -> String? {
    guard bytes[start] == UInt8(ascii: "\"") else { return nil }
    return string(at: start..<end(of: start))
  }

  /// The text between the quotes at the ends of `range`.
  func string(at range: Range<Int>) -> String {
    let inner = bytes[(range.lowerBound + 1)..<(range.upperBound - 1)]
    guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
    return Self.unescaped(inner)
  }

  private static func unescaped(_ text: ArraySlice<UInt8>) -> String {
    var units: [UInt8] = []
    var rest = text
    func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt32 {
      UInt32(String(decoding: digits, as: UTF8.self), radix: 16) ?? 0xFFFD
    }
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
        units.append(byte)
        continue
      }
      switch kind {
      case UInt8(ascii: "b"): units.append(8)
      case UInt8(ascii: "f"): units.append(12)
      case UInt8(ascii: "n"): units.append(10)
      case UInt8(ascii: "r"): units.append(13)
      case UInt8(ascii: "t"): units.append(9)
      case UInt8(ascii: "u"):
        var scalar = hexadecimal(rest.prefix(4))
        rest = rest.dropFirst(4)
        if (0xD800...0xDBFF).contains(scalar) {
          let low = hexadecimal(rest.dropFirst(2).prefix(4))
          rest = rest.dropFirst(6)
          scalar = 0x10000 + ((scalar - 0xD800) << 10) + (low &- 0xDC00)
        }
        units += Array(String(Unicode.Scalar(scalar) ?? "\u{FFFD}").utf8)
      default: units.append(kind)
      }
    }
    return String(decoding: units, as: UTF8.self)
  }

  /// The whole number that begins at `start`; `nil` for another kind of value and beyond 64 bits.
  func integer(at start: Int) -> Int? {
    bytes.withUnsafeBufferPointer { text in
      var next = start
      if let value = JSONChecker.integer(&next, in: text) { return value }
      // 1.0 and 1e3 are whole too.
      return number(at: start).flatMap { Int(exactly: $0) }
    }
  }

  /// The number that begins at `start`; `nil` for another kind of value and beyond a `Double`.
  func number(at start: Int) -> Double? {
    bytes.withUnsafeBufferPointer { JSONChecker.number(at: start, in: $0) }
  }

  /// The whole numbers of the array at `start`, `nil` where it is or holds anything else.
  func integers(at start: Int) -> [Int]? {
    bytes.withUnsafeBufferPointer { text in
      var next = start
      var values: [Int] = []
      return JSONChecker.integers(&next, in: text) { values.append($0) } == nil
        ? nil : values.fitted()
    }
  }

  /// The whole numbers of the arrays in the array at `start`, one after another, and how many each
  /// has.
  ///
  /// `nil` where they are of different lengths, or hold anything but whole numbers of 32 bits.
  func integerRows(at start: Int) -> (values: [Int32], perRow: Int)? {
    bytes.withUnsafeBufferPointer { JSONChecker.integerRows(at: start, in: $0) }
      .map { ($0.values.fitted(), $0.perRow) }
  }

  /// The numbers of the array at `start`, `nil` where it is or holds anything else.
  func numbers(at start: Int) -> [Double]? {
    guard let elements = elements(at: start) else { return nil }
    var values: [Double] = []
    values.reserveCapacity(elements.count)
    for element in elements {
      guard let value = number(at: element) else { return nil }
      values.append(value)
    }
    return values
  }
}

extension Array {
  /// The same elements in as much memory as they need: what grew while it was read keeps up to
  /// twice that.
  fileprivate func fitted() -> [Element] {
    guard capacity > count + count / 8 else { return self }
    return [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = buffer.initialize(fromContentsOf: self)
    }
  }
}
