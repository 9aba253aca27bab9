/// Decodes values from the bytes of one line, many times faster than `JSONDecoder`.
///
/// Settings that thousands of lines share are decoded once and then shared in memory.
package final class LineDecoder {
  private var shared: [SharedKey: Any] = [:]
  private var strings: Set<String> = []
  /// Bytes of lists that may still be kept for others to share.
  private var roomForLists = 1 << 24

  /// What an error says of an object with two members of one key.
  package static let twice = "a key comes twice"

  package init() {}

  /// The value of a line.
  ///
  /// - Throws: `DecodingError`.
  package func decode<Value: Decodable>(_ type: Value.Type, from line: JSONBytes) throws -> Value {
    try LineValue(line: line, start: line.start, memory: self).decode(type)
  }

  private struct SharedKey: Hashable {
    let type: ObjectIdentifier
    let bytes: ArraySlice<UInt8>

    func hash(into hasher: inout Hasher) {
      bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    static func == (first: Self, second: Self) -> Bool {
      first.type == second.type
        && first.bytes.withUnsafeBytes { mine in
          second.bytes.withUnsafeBytes { mine.isEqual(to: $0) }
        }
    }
  }

  /// What is decoded from equal bytes once.
  fileprivate func shared<Value>(
    _ type: Value.Type, _ bytes: ArraySlice<UInt8>, _ decode: () throws -> Value
  ) rethrows -> Value {
    if let known = shared[SharedKey(type: ObjectIdentifier(type), bytes: bytes)] as? Value {
      return known
    }
    let value = try decode()
    // A copy of its own, or the whole line would stay in memory.
    let own = Array(bytes)[...]
    shared[SharedKey(type: ObjectIdentifier(type), bytes: own)] = value
    return value
  }

  /// A list of whole numbers: the labels and positions of a shard are those of every method.
  fileprivate func sharedList(
    _ bytes: ArraySlice<UInt8>, _ decode: () throws -> [Int]
  ) rethrows -> [Int] {
    guard bytes.count >= 64, bytes.count <= roomForLists else { return try decode() }
    return try shared([Int].self, bytes) {
      roomForLists -= bytes.count
      return try decode()
    }
  }

  /// The text itself, or an equal one that is in memory already.
  fileprivate func shared(_ text: String) -> String {
    // Shorter ones need no memory of their own; longer ones are keys and digests.
    guard (16..<60).contains(text.utf8.count) else { return text }
    return strings.insert(text).memberAfterInsert
  }
}

/// One value of a line.
private struct LineValue: Decoder, SingleValueDecodingContainer {
  let line: JSONBytes
  let start: Int
  let memory: LineDecoder
  var userInfo: [CodingUserInfoKey: Any] { [:] }
  /// Found when it is asked for, which is by errors alone.
  var codingPath: [any CodingKey] { line.path(to: start).map { Step(stringValue: $0) } }

  private struct Step: CodingKey {
    let stringValue: String
    var intValue: Int? { Int(stringValue) }
    init(stringValue: String) { self.stringValue = stringValue }
    init(intValue: Int) { stringValue = "\(intValue)" }
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    let members: [JSONBytes.Member]?
    do { members = try line.members(at: start) } catch { throw twice }
    guard let members else { throw mismatch([String: Any].self) }
    return KeyedDecodingContainer(LineObject(value: self, members: members))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard let elements = line.elements(at: start) else { throw mismatch([Any].self) }
    return LineArray(value: self, elements: elements)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

  private var twice: DecodingError {
    .dataCorrupted(.init(codingPath: codingPath, debugDescription: LineDecoder.twice))
  }

  func mismatch(_ type: Any.Type) -> DecodingError {
    .typeMismatch(type, .init(codingPath: codingPath, debugDescription: ""))
  }

  private func found<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw mismatch(Value.self) }
    return value
  }

  private func whole<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
    try found(line.integer(at: start).flatMap { Value(exactly: $0) })
  }

  func decodeNil() -> Bool { line.bytes[start] == UInt8(ascii: "n") }

  func decode(_ type: Bool.Type) throws -> Bool {
    switch line.bytes[start] {
    case UInt8(ascii: "t"): return true
    case UInt8(ascii: "f"): return false
    default: throw mismatch(type)
    }
  }

  func decode(_ type: String.Type) throws -> String {
    memory.shared(try found(line.text(at: start)))
  }

  func decode(_ type: Double.Type) throws -> Double { try found(line.number(at: start)) }
  func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
  func decode(_ type: Int.Type) throws -> Int { try found(line.integer(at: start)) }
  func decode(_ type: Int8.Type) throws -> Int8 { try whole(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try whole(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try whole(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try whole(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try whole(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try whole(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try whole(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try whole(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try whole(type) }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    // Swift's own containers take a call an element for these, of which a line has thousands.
    if type == [Int].self {
      let values = try memory.sharedList(line.bytes[start..<line.end(of: start)]) {
        try found(line.integers(at: start))
      }
      if let values = values as? Value { return values }
    }
    if type == [UInt32].self {
      let values: [UInt32] = try found(line.integers(at: start))
      if let values = values as? Value { return values }
    }
    if type == [Double].self, let value = try found(line.numbers(at: start)) as? Value {
      return value
    }
    if type == RankedClasses.self {
      let rows = try found(line.integerRows(at: start))
      if let value = RankedClasses(rows.values, perImage: rows.perRow) as? Value { return value }
    }
    if type == JSONValue.self, let value = try jsonValue(depth: 0) as? Value { return value }
    if type == String.self, let value = try decode(String.self) as? Value { return value }
    let isShared =
      type == ModelSetting.self || type == MethodSetting.self || type == DatasetSetting.self
      || type == ForwardCost.self || type == DeviceSetting.self || type == MethodTraits.self
    guard isShared else { return try Value(from: self) }
    return try memory.shared(type, line.bytes[start..<line.end(of: start)]) {
      try Value(from: self)
    }
  }

  /// The value as it is, a whole number as one.
  private func jsonValue(depth: Int) throws -> JSONValue {
    func at(_ start: Int) -> LineValue {
      LineValue(line: line, start: start, memory: memory)
    }
    switch line.bytes[start] {
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "t"): return .boolean(true)
    case UInt8(ascii: "f"): return .boolean(false)
    case UInt8(ascii: "\""): return .string(try decode(String.self))
    case UInt8(ascii: "["):
      return .array(
        try (line.elements(at: start) ?? []).map { try at($0).jsonValue(depth: depth + 1) })
    case UInt8(ascii: "{"):
      let members: [JSONBytes.Member]
      do { members = try line.members(at: start) ?? [] } catch { throw twice }
      var values: [String: JSONValue] = [:]
      for member in members {
        values[line.string(at: member.key)] = try at(member.value.lowerBound).jsonValue(
          depth: depth + 1)
      }
      return .object(values)
    default:
      if let value = line.integer(at: start) { return .integer(value) }
      return .number(try decode(Double.self))
    }
  }
}

/// The members of an object.
private struct LineObject<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let value: LineValue
  let members: [JSONBytes.Member]

  var codingPath: [any CodingKey] { value.codingPath }
  var allKeys: [Key] { members.compactMap { Key(stringValue: value.line.string(at: $0.key)) } }

  private func member(_ key: some CodingKey) -> Int? {
    value.line.value(of: key.stringValue, among: members)?.lowerBound
  }

  /// The value of a key that is there and not null.
  private func present(_ key: some CodingKey) -> LineValue? {
    guard let start = member(key) else { return nil }
    let found = LineValue(line: value.line, start: start, memory: value.memory)
    return found.decodeNil() ? nil : found
  }

  private func at(_ key: some CodingKey) throws -> LineValue {
    guard let start = member(key) else {
      throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: ""))
    }
    return LineValue(line: value.line, start: start, memory: value.memory)
  }

  func contains(_ key: Key) -> Bool { member(key) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try at(key).decodeNil() }
  func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try at(key).decode(type) }
  func decode(_ type: String.Type, forKey key: Key) throws -> String { try at(key).decode(type) }
  func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try at(key).decode(type) }
  func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try at(key).decode(type) }
  func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try at(key).decode(type) }
  func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try at(key).decode(type) }
  func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try at(key).decode(type) }
  func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try at(key).decode(type) }
  func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try at(key).decode(type) }
  func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try at(key).decode(type) }
  func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try at(key).decode(type) }
  func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try at(key).decode(type) }
  func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try at(key).decode(type) }
  func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try at(key).decode(type) }
  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try at(key).decode(type)
  }
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? {
    try present(key)?.decode(type)
  }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
    try present(key)?.decode(type)
  }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
    try present(key)?.decode(type)
  }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? {
    try present(key)?.decode(type)
  }
  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
    try present(key)?.decode(type)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> { try at(key).container(keyedBy: type) }
  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try at(key).unkeyedContainer()
  }
  func superDecoder() throws -> any Decoder { value }
  func superDecoder(forKey key: Key) throws -> any Decoder { try at(key) }
}

/// The elements of an array.
private struct LineArray: UnkeyedDecodingContainer {
  let value: LineValue
  let elements: [Int]
  var currentIndex = 0

  init(value: LineValue, elements: [Int]) {
    self.value = value
    self.elements = elements
  }

  var codingPath: [any CodingKey] { value.codingPath }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex == elements.count }

  private mutating func next() throws -> LineValue {
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        Any.self, .init(codingPath: codingPath, debugDescription: ""))
    }
    defer { currentIndex += 1 }
    return LineValue(line: value.line, start: elements[currentIndex], memory: value.memory)
  }

  mutating func decodeNil() throws -> Bool {
    let isNil = try next().decodeNil()
    if !isNil { currentIndex -= 1 }
    return isNil
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try next().decode(type)
  }
  mutating func decode(_ type: Bool.Type) throws -> Bool { try next().decode(type) }
  mutating func decode(_ type: String.Type) throws -> String { try next().decode(type) }
  mutating func decode(_ type: Double.Type) throws -> Double { try next().decode(type) }
  mutating func decode(_ type: Float.Type) throws -> Float { try next().decode(type) }
  mutating func decode(_ type: Int.Type) throws -> Int { try next().decode(type) }
  mutating func decode(_ type: Int8.Type) throws -> Int8 { try next().decode(type) }
  mutating func decode(_ type: Int16.Type) throws -> Int16 { try next().decode(type) }
  mutating func decode(_ type: Int32.Type) throws -> Int32 { try next().decode(type) }
  mutating func decode(_ type: Int64.Type) throws -> Int64 { try next().decode(type) }
  mutating func decode(_ type: UInt.Type) throws -> UInt { try next().decode(type) }
  mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try next().decode(type) }
  mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try next().decode(type) }
  mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try next().decode(type) }
  mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try next().decode(type) }

  mutating func nestedContainer<Key: CodingKey>(
    keyedBy type: Key.Type
  ) throws -> KeyedDecodingContainer<Key> { try next().container(keyedBy: type) }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try next().unkeyedContainer()
  }
  mutating func superDecoder() throws -> any Decoder { try next() }
}
