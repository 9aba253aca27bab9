/// A reader of the part of Python's pickle format that files of tensors use.
///
/// A pickle is a program for a stack machine that can call any Python function. This one knows the
/// few calls that rebuild tensors and executes none; any other name is an error. Source: CPython
/// 3.13, Lib/pickletools.py; PyTorch 2.9, torch/_utils.py and torch/serialization.py.
struct PickleReader {
  enum Problem: Error {
    case malformed(String)
    case refusedGlobal(String)
  }

  private var reader: ByteReader
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]

  /// The maximum number of values, above any checkpoint's, so that a small file cannot use much
  /// memory.
  private static let maxValues = 20_000_000
  private var values = 0

  init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
    reader = ByteReader(bytes, at: position)
  }

  /// Reads one pickle, and the position behind it.
  mutating func read() throws(Problem) -> (value: PickleValue, end: Int) {
    do {
      while true {
        let code = try reader.integer(UInt8.self)
        values += 1
        guard values <= Self.maxValues else { throw Problem.malformed("it has too many parts") }
        if code == UInt8(ascii: ".") { return (try pop(), reader.position) }
        try perform(code)
      }
    } catch let problem as Problem {
      throw problem
    } catch {
      throw .malformed("it ends in the middle")
    }
  }

  private mutating func pop() throws(Problem) -> PickleValue {
    guard let value = stack.popLast(), stack.count >= marks.last ?? 0 else {
      throw .malformed("it takes a value that is not there")
    }
    return value
  }

  private mutating func popMark() throws(Problem) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else {
      throw .malformed("it ends a group that it did not begin")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private func top() throws(Problem) -> PickleValue {
    guard let value = stack.last, stack.count > marks.last ?? 0 else {
      throw .malformed("it looks at a value that is not there")
    }
    return value
  }

  private mutating func perform(_ code: UInt8) throws {
    switch Character(UnicodeScalar(code)) {
    case "(": marks.append(stack.count)
    case "0": _ = try pop()
    case "1": _ = try popMark()
    case "2": stack.append(try top())
    case "N": stack.append(.none)
    case "\u{88}": stack.append(.bool(true))
    case "\u{89}": stack.append(.bool(false))
    case "]": stack.append(.list(PickleList()))
    case "}": stack.append(.dictionary(PickleDictionary()))
    case ")": stack.append(.tuple([]))
    case "l":
      let list = PickleList()
      list.values = try popMark()
      stack.append(.list(list))
    case "d":
      let dictionary = PickleDictionary()
      let pairs = try popMark()
      try fill(dictionary, with: pairs)
      stack.append(.dictionary(dictionary))
    case "t": stack.append(.tuple(try popMark()))
    case "\u{85}", "\u{86}", "\u{87}":
      var parts: [PickleValue] = []
      for _ in 0..<(Int(code) - 0x84) { parts.insert(try pop(), at: 0) }
      stack.append(.tuple(parts))
    case "a":
      let value = try pop()
      try append([value])
    case "e":
      let values = try popMark()
      try append(values)
    case "s":
      let value = try pop()
      let key = try pop()
      try setItems([key, value])
    case "u":
      let pairs = try popMark()
      try setItems(pairs)
    case "\u{80}":
      guard try reader.integer(UInt8.self) <= 5 else {
        throw Problem.malformed("it is of a pickle protocol after 5")
      }
    // A frame only says how far to read ahead.
    case "\u{95}": _ = try reader.take(8)
    case "c":
      let module = try reader.line()
      let name = try reader.line()
      stack.append(.global(try allowed(module, name)))
    case "\u{93}":
      guard let name = try pop().text, let module = try pop().text else {
        throw Problem.malformed("it asks for a name that is no text")
      }
      stack.append(.global(try allowed(module, name)))
    case "R", "\u{81}":
      let arguments = try pop()
      let callee = try pop()
      stack.append(try rebuilt(callee, arguments))
    case "b":
      // The state of an object: kept of none but dictionaries, which have no use for it.
      _ = try pop()
      _ = try top()
    case "Q":
      guard case .tuple(let parts) = try pop() else {
        throw Problem.malformed("it refers to something outside that is no storage")
      }
      stack.append(.persistent(parts))
    default:
      if try !performMemo(code), try !performLiteral(code) {
        throw Problem.malformed("it has the unknown instruction \(code)")
      }
    }
  }

  private mutating func performMemo(_ code: UInt8) throws -> Bool {
    switch Character(UnicodeScalar(code)) {
    case "q": memo[try reader.count(UInt8.self)] = try top()
    case "r": memo[try reader.count(UInt32.self)] = try top()
    case "p":
      let line = try reader.line()
      memo[try number(line)] = try top()
    case "\u{94}": memo[memo.count] = try top()
    case "h":
      let index = try reader.count(UInt8.self)
      stack.append(try remembered(index))
    case "j":
      let index = try reader.count(UInt32.self)
      stack.append(try remembered(index))
    case "g":
      let line = try reader.line()
      stack.append(try remembered(number(line)))
    default: return false
    }
    return true
  }

  private mutating func performLiteral(_ code: UInt8) throws -> Bool {
    switch Character(UnicodeScalar(code)) {
    case "K": stack.append(.integer(try reader.count(UInt8.self)))
    case "M": stack.append(.integer(try reader.count(UInt16.self)))
    case "J": stack.append(.integer(try reader.count(Int32.self)))
    case "I":
      let line = try reader.line()
      stack.append(
        line == "01" ? .bool(true) : line == "00" ? .bool(false) : .integer(try number(line)))
    case "L":
      let line = try reader.line()
      stack.append(.integer(try number(String(line.prefix { $0 != "L" }))))
    case "\u{8A}": stack.append(Self.integer(Array(try reader.take(try reader.count(UInt8.self)))))
    case "\u{8B}": stack.append(Self.integer(Array(try reader.take(try reader.count(Int32.self)))))
    case "G":
      stack.append(.float(Double(bitPattern: UInt64(bigEndian: try reader.integer(UInt64.self)))))
    case "F":
      guard let value = Double(try reader.line()) else {
        throw Problem.malformed("it has a number that is none")
      }
      stack.append(.float(value))
    case "X": stack.append(.text(try reader.text(try reader.count(UInt32.self))))
    case "\u{8C}", "U": stack.append(.text(try reader.text(try reader.count(UInt8.self))))
    case "T": stack.append(.text(try reader.text(try reader.count(Int32.self))))
    case "\u{8D}": stack.append(.text(try reader.text(try reader.count(UInt64.self))))
    case "V": stack.append(.text(try reader.line()))
    case "B": stack.append(.bytes(Array(try reader.take(try reader.count(UInt32.self)))))
    case "C": stack.append(.bytes(Array(try reader.take(try reader.count(UInt8.self)))))
    case "\u{8E}": stack.append(.bytes(Array(try reader.take(try reader.count(UInt64.self)))))
    default: return false
    }
    return true
  }

  private func number(_ text: String) throws(Problem) -> Int {
    guard let value = Int(text) else { throw .malformed("it has a number that is none") }
    return value
  }

  private func remembered(_ index: Int) throws(Problem) -> PickleValue {
    guard let value = memo[index] else {
      throw .malformed("it refers to a value that it did not remember")
    }
    return value
  }

  /// Two's complement, little-endian, of any length.
  private static func integer(_ bytes: [UInt8]) -> PickleValue {
    guard bytes.count <= 8 else { return .longInteger(bytes) }
    let isNegative = (bytes.last ?? 0) & 0x80 != 0
    var value: UInt64 = isNegative ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .integer(Int(Int64(bitPattern: value)))
  }

  private func append(_ values: [PickleValue]) throws(Problem) {
    switch try top() {
    case .list(let list): list.values += values
    case .opaque: break
    default: throw .malformed("it appends to what is no list")
    }
  }

  private func setItems(_ pairs: [PickleValue]) throws(Problem) {
    switch try top() {
    case .dictionary(let dictionary): try fill(dictionary, with: pairs)
    case .opaque: break
    default: throw .malformed("it sets items of what is no dictionary")
    }
  }

  private func fill(
    _ dictionary: PickleDictionary, with pairs: [PickleValue]
  ) throws(Problem) {
    guard pairs.count.isMultiple(of: 2) else { throw .malformed("a key of it has no value") }
    for index in stride(from: 0, to: pairs.count, by: 2) {
      dictionary.set(pairs[index], pairs[index + 1])
    }
  }
}
