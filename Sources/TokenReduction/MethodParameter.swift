import Records

/// One key of a method in a spec: the source of its validation, documentation and schema.
package struct MethodParameter: Sendable {
  package let name: String
  /// The allowed values.
  package let rule: ValueRule
  /// `nil` if a value is required.
  package let defaultValue: JSONValue?
  /// The text for a missing value of a key without a default.
  package let otherwise: String?
  package let summary: String
  /// Whether only a schedule other than the method's own reads it.
  private(set) var isAlternative = false

  package init(
    _ name: String, _ rule: ValueRule, default defaultValue: JSONValue? = nil,
    otherwise: String? = nil, _ summary: String
  ) {
    self.otherwise = otherwise
    self.name = name
    self.rule = rule
    self.defaultValue = defaultValue
    self.summary = summary
  }

  /// The same key without a default value of its own.
  var asOptional: MethodParameter {
    MethodParameter(name, rule, otherwise: otherwise ?? defaultValue?.text ?? "needed", summary)
  }

  var asAlternative: MethodParameter {
    var alternative = self
    alternative.isAlternative = true
    return alternative
  }

  /// The same key without a default value, with a text for the missing value.
  func asOptional(otherwise: String) -> MethodParameter {
    MethodParameter(name, rule, otherwise: otherwise, summary)
  }

  /// A description of the allowed values for messages: `a whole number from 0`.
  package var expectation: String { rule.expectation }

  /// The value with layers as block indices.
  ///
  /// Errors: the sentence that says what is wrong with it and what would be right.
  package func resolve(_ value: JSONValue, _ geometry: TokenGeometry) throws(ParameterProblem)
    -> JSONValue
  {
    try resolve(value, rule, geometry)
  }

  private func resolve(
    _ value: JSONValue, _ rule: ValueRule, _ geometry: TokenGeometry
  ) throws(ParameterProblem) -> JSONValue {
    func problem(_ message: String) -> ParameterProblem { .init(key: name, message: message) }
    let wrongType = problem("\(value.text) has the wrong type; it must be \(expectation)")
    switch (rule, value) {
    case (.integer(let minimum, let maximum), .integer(let number)):
      guard number >= minimum, number <= maximum ?? .max else {
        throw problem("\(number) is out of range; it must be \(expectation)")
      }
      return value
    case (.number(let minimum, let exclusive, let maximum), .integer),
      (.number(let minimum, let exclusive, let maximum), .number):
      let number = value.asDouble ?? .nan
      guard
        exclusive ? number > minimum : number >= minimum, number <= maximum ?? .infinity
      else {
        throw problem("\(value.text) is out of range; it must be \(expectation)")
      }
      return .number(number)
    case (.boolean, .boolean): return value
    case (.choice(let names), .string(let text)):
      guard names.contains(text) else {
        throw problem("\"\(text)\" is not known; it must be \(expectation)")
      }
      return value
    case (.layer, _): return .integer(try block(value, geometry))
    case (.list(let element), .array(let values)):
      return .array(try resolve(values, of: element, geometry))
    case (.either(let rules), .array):
      guard let list = rules.first(where: \.isList) else { throw wrongType }
      return try resolve(value, list, geometry)
    // A single value in place of a list means a list of one.
    case (.either(let rules), .integer), (.either(let rules), .number),
      (.either(let rules), .string):
      guard let one = rules.first(where: { !$0.isList }) else { throw wrongType }
      return .array([try resolve(value, one, geometry)])
    default: throw wrongType
    }
  }

  /// The values of a list, with layers as block indices in ascending order.
  private func resolve(
    _ values: [JSONValue], of element: ValueRule, _ geometry: TokenGeometry
  ) throws(ParameterProblem) -> [JSONValue] {
    func problem(_ message: String) -> ParameterProblem { .init(key: name, message: message) }
    guard !values.isEmpty else { throw problem("is empty; it must be \(expectation)") }
    if case .layer = element {
      let blocks = try values.map { (value) throws(ParameterProblem) in try block(value, geometry) }
      guard Set(blocks).count == blocks.count else {
        throw problem("names a block twice: \(blocks)")
      }
      return blocks.sorted().map { .integer($0) }
    }
    let resolved = values.compactMap { try? resolve($0, element, geometry) }
    guard resolved.count == values.count else {
      throw problem("\(JSONValue.array(values).text) does not fit; it must be \(expectation)")
    }
    return resolved
  }

  private func block(_ value: JSONValue, _ geometry: TokenGeometry) throws(ParameterProblem) -> Int
  {
    switch value {
    case .integer(let block):
      guard (0..<geometry.depth).contains(block) else {
        throw ParameterProblem(
          key: name,
          message: "block \(block) does not exist; the model's \(geometry.depth) blocks are 0 to "
            + "\(geometry.depth - 1)")
      }
      return block
    case .string(let text):
      guard text.hasSuffix("%"), let percent = Double(text.dropLast()), percent >= 0,
        percent < 100
      else {
        throw ParameterProblem(
          key: name,
          message:
            "\"\(text)\" is not a layer; it must be a block from 0 to \(geometry.depth - 1), "
            + "or a percentage from \"0%\" to below \"100%\"")
      }
      return Int(percent / 100 * Double(geometry.depth))
    default:
      throw ParameterProblem(
        key: name, message: "\(value.text) has the wrong type; it must be \(expectation)")
    }
  }
}

/// One thing that is wrong with one key of a method.
package struct ParameterProblem: Error, Hashable, CustomStringConvertible {
  package let key: String
  package let message: String

  package init(key: String, message: String) {
    self.key = key
    self.message = message
  }

  package var description: String { "\(key): \(message)" }
}

/// The resolved values of a method, by key.
package struct ParameterValues {
  let values: [String: JSONValue]

  /// Includes the defaults of keys that are not given.
  func filled(_ parameters: [MethodParameter]) -> ParameterValues {
    var filled = values
    for parameter in parameters where filled[parameter.name] == nil {
      filled[parameter.name] = parameter.defaultValue
    }
    return ParameterValues(values: filled)
  }

  /// Whether a key that has no default is given.
  func has(_ key: String) -> Bool { values[key] != nil }
  func integer(_ key: String) -> Int { values[key]?.asInt ?? 0 }
  func double(_ key: String) -> Double { values[key]?.asDouble ?? 0 }
  func boolean(_ key: String) -> Bool { values[key] == .boolean(true) }
  func string(_ key: String) -> String { values[key]?.asString ?? "" }
  func integers(_ key: String) -> [Int] {
    guard case .array(let list)? = values[key] else { return [] }
    return list.compactMap(\.asInt)
  }
  func doubles(_ key: String) -> [Double] {
    guard case .array(let list)? = values[key] else { return [] }
    return list.compactMap(\.asDouble)
  }
}
