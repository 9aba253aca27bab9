import Foundation

/// One JSON value as bytes, checked to be whole and strict JSON.
///
/// Edge cases: values nested deeper than ``maxDepth``, text that is not UTF-8, lone surrogates and
/// anything after the value are flaws; so is a key that an object has twice, once that object is
/// read.
package final class JSONBytes {
  /// Deeper nesting than any record has.
  package static var maxDepth: Int { JSONChecker.maxDepth }

  package let bytes: [UInt8]
  /// Where the value begins, past leading blanks.
  package let start: Int
  /// Those of the whole value, which several readings ask for; `nil` where they are to be found
  /// yet.
  private var rootMembers: [Member]?
  /// Objects and arrays that are members of an object, by where they begin.
  private let nested: [Range<Int>]
  private let hasEscapes: Bool

  /// Where bytes are no JSON.
  package struct Flaw: Error {
    /// Counted in bytes from 0.
    package let offset: Int
  }

  package init(_ bytes: [UInt8]) throws(Flaw) {
    self.bytes = bytes
    var failure: Flaw?
    var begin = 0
    var nested: [Range<Int>] = []
    var hasEscapes = false
    bytes.withUnsafeBufferPointer { text in
      var checker = JSONChecker(text: text)
      do throws(Flaw) {
        begin = try checker.check()
      } catch { failure = error }
      (nested, hasEscapes) = (checker.nested, checker.hasEscapes)
    }
    if let failure { throw failure }
    start = begin
    self.nested = nested
    self.hasEscapes = hasEscapes
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
      var seen: Set<[UInt8]> = []
      return members.first { !seen.insert(Array(string(at: $0.key).utf8)).inserted }?.key.lowerBound
    }
    for (position, member) in members.enumerated() {
      for other in members[..<position] where isSameKey(member.key, other.key) {
        return member.key.lowerBound
      }
    }
    return nil
  }

  private func isSameKey(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
    guard !hasEscapes else { return string(at: a).utf8.elementsEqual(string(at: b).utf8) }
    guard a.count == b.count else { return false }
    return bytes.withUnsafeBytes { text in
      UnsafeRawBufferPointer(rebasing: text[a]).isEqual(
        to: UnsafeRawBufferPointer(rebasing: text[b]))
    }
  }

  /// The value of the first of `members` whose key is spelled `key`.
  func value(of key: String, among members: [Member]) -> Range<Int>? {
    guard !hasEscapes else { return members.first { string(at: $0.key) == key }?.value }
    var key = key
    return key.withUTF8 { wanted in
      bytes.withUnsafeBytes { text in
        for member in members where member.key.count - 2 == wanted.count {
          let found = UnsafeRawBufferPointer(rebasing: text[member.key].dropFirst().dropLast())
          if found.isEqual(to: UnsafeRawBufferPointer(wanted)) { return member.value }
        }
        return nil
      }
    }
  }

  /// The value at a key of the whole object, as a range of bytes; `nil` without one.
  package func range(of key: String) -> Range<Int>? {
    guard let members = try? members(at: start) else { return nil }
    return value(of: key, among: members)
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
    if bytes[start] | 0x20 == UInt8(ascii: "{") {
      // The first that does not begin before.
      var (low, high) = (0, nested.count)
      while low < high {
        let middle = (low + high) / 2
        if nested[middle].lowerBound < start { low = middle + 1 } else { high = middle }
      }
      if low < nested.count, nested[low].lowerBound == start { return nested[low].upperBound }
    }
    return bytes.withUnsafeBufferPointer { JSONChecker.end(of: start, in: $0) }
  }

  /// The keys and positions that lead to the value that begins at `place`.
  func path(to place: Int) -> [String] {
    var path: [String] = []
    var at = start
    while at < place {
      if let members = try? members(at: at) {
        guard let member = members.first(where: { $0.value.contains(place) }) else { break }
        path.append(string(at: member.key))
        at = member.value.lowerBound
      } else if let elements = elements(at: at) {
        guard let index = elements.lastIndex(where: { $0 <= place }) else { break }
        path.append("\(index)")
        at = elements[index]
      } else {
        break
      }
    }
    return path
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
  package func integer(at start: Int) -> Int? {
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
  // Unspecialized, every number of a list would be converted through a protocol witness.
  @_specialize(where Number == Int)
  @_specialize(where Number == UInt32)
  func integers<Number: FixedWidthInteger>(at start: Int) -> [Number]? {
    let range = start..<end(of: start)
    let values: [Number]? = bytes.withUnsafeBufferPointer { JSONChecker.integers(range, in: $0) }
    return values?.fitted()
  }

  /// The whole numbers of the arrays in the array at `start`, one after another, and how many each
  /// has.
  ///
  /// `nil` where they are of different lengths, or hold anything but whole numbers of 32 bits.
  func integerRows(at start: Int) -> (values: [Int32], perRow: Int)? {
    let range = start..<end(of: start)
    return bytes.withUnsafeBufferPointer { JSONChecker.integerRows(range, in: $0) }
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

extension UnsafeRawBufferPointer {
  /// Whether both hold the same bytes.
  func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count, let mine = baseAddress, let theirs = other.baseAddress else {
      return count == other.count
    }
    return memcmp(mine, theirs, count) == 0
  }
}
