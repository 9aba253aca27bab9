import Records
import TokenReduction

/// What a value of a spec may be: one declaration that validates, writes the JSON Schema and
/// documents.
package indirect enum ValueRule: Sendable {
  case text
  /// A model of the registry.
  case modelName
  /// What can name a folder of results: `FolderName`.
  case fileName
  case integer(minimum: Int, maximum: Int?)
  case number(minimum: Double, exclusiveMinimum: Bool, maximum: Double?)
  case boolean
  case choice([String])
  /// `cpu`, `cuda` or `cuda:N`.
  case device
  case object([KeyRule])
  /// Any keys, whose values are whole numbers from 0.
  case mapping
  /// Any keys, whose values are text.
  case names
  /// Some parameters of a method with a value or a list of values each.
  case parameters
  case list(ValueRule)
  /// One of several, told apart by the kind of JSON value, and objects by their first key.
  case either([ValueRule])
  /// A value, a list of values to sweep, or a range where values are numbers.
  case axis(ValueRule)
  /// A block, or a percentage of the depth.
  case layer
  /// A share as text such as `"2%"`, above 0 and up to a bound in percent.
  case percent(maximum: Double)
  /// One entry of `methods`.
  case method

  /// What a value of this kind looks like, for messages: `a whole number from 1`.
  package var expectation: String {
    switch self {
    case .text: "text in double quotes"
    case .modelName: "a model's name such as \"demo_vit\""
    case .fileName: FolderName.expectation
    case .integer(let minimum, let maximum?): "a whole number from \(minimum) to \(maximum)"
    case .integer(let minimum, nil): "a whole number from \(minimum)"
    case .number(let minimum, let exclusive, let maximum):
      "a number \(exclusive ? "above" : "from") \(JSONValue.number(minimum).shortText)"
        + (maximum.map { " \(exclusive ? "up to" : "to") \(JSONValue.number($0).shortText)" } ?? "")
    case .boolean: "true or false"
    case .choice(let names): names.map { "\"\($0)\"" }.joined(separator: " or ")
    case .device: "\"cpu\", \"cuda\" or \"cuda:N\""
    case .object(let keys):
      keys.first.map { "an object such as {\"\($0.key)\": …}" } ?? "an object"
    case .mapping: "an object from names to whole numbers"
    case .names: "an object from names to names"
    case .parameters: "an object of a method's parameters such as {\"r\": 8}"
    case .list(let element): "a list of which each is \(element.expectation)"
    case .either(let rules): rules.map(\.expectation).joined(separator: ", or ")
    case .axis(let rule): "\(rule.expectation), or a list of such"
    case .layer: "a block counted from 0, or a percentage of the depth such as \"25%\""
    case .percent(let maximum):
      "a percentage in quotes such as \"2%\", above 0 and up to \(JSONValue.number(maximum).shortText)%"
    case .method: "an object such as {\"method\": \"topk\", \"r\": 8}"
    }
  }

  /// Whether a range may stand for values of this kind.
  var isNumeric: Bool {
    switch self {
    case .integer, .number, .layer: true
    case .either(let rules): rules.contains(where: \.isNumeric)
    default: false
    }
  }
}

/// A key of an object in a spec.
package struct KeyRule: Sendable {
  package let key: String
  package let rule: ValueRule
  package let isRequired: Bool
  /// The value that stands for a missing key, or its description in words.
  package let standard: Standard
  package let summary: String

  /// What happens without the key.
  package enum Standard: Sendable {
    case none
    case value(JSONValue)
    /// A value that depends on something else.
    case described(String)
  }

  package init(
    _ key: String, _ rule: ValueRule, required: Bool = false, standard: Standard = .none,
    _ summary: String
  ) {
    self.key = key
    self.rule = rule
    isRequired = required
    self.standard = standard
    self.summary = summary
  }
}

extension MethodParameter {
  /// The same declaration as a rule of a spec.
  package var rule: ValueRule {
    switch kind {
    case .integer(let minimum, let maximum): .integer(minimum: minimum, maximum: maximum)
    case .number(let minimum, let exclusive, let maximum):
      .number(minimum: minimum, exclusiveMinimum: exclusive, maximum: maximum)
    case .boolean: .boolean
    case .choice(let names): .choice(names)
    case .layer: .layer
    case .layers: .either([.layer, .list(.layer)])
    case .counts: .list(.integer(minimum: 0, maximum: nil))
    case .rates: .list(.number(minimum: 0, exclusiveMinimum: true, maximum: 1))
    }
  }
}

extension JSONValue {
  /// The value as a person writes it: whole numbers without a fraction.
  package var shortText: String {
    if case .number(let number) = self, number == number.rounded(), abs(number) < 1e15 {
      return "\(Int(number))"
    }
    return text
  }

  /// A whole number as `.integer` whichever way it was computed, so that equal settings are equal
  /// values.
  package var canonical: JSONValue {
    switch self {
    case .number(let number) where number == number.rounded() && abs(number) < 1e15:
      .integer(Int(number))
    case .array(let values): .array(values.map(\.canonical))
    case .object(let members): .object(members.mapValues(\.canonical))
    default: self
    }
  }

  /// The kind in words, for messages.
  var kindName: String {
    switch self {
    case .null: "null"
    case .boolean: "true or false"
    case .integer, .number: "a number"
    case .string: "text"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

extension ValueRule {
  /// `expectation` of one value of an axis.
  package var valueText: String {
    if case .axis(let rule) = self { rule.expectation } else { expectation }
  }
}

extension KeyRule {
  /// What stands for a missing key, as a person would write it: `0.5`, `chosen by alpha`, or
  /// `needed`.
  package var standardText: String {
    switch standard {
    case .none: isRequired ? "needed" : "–"
    case .described(let words): words
    case .value(let value): value.shortText
    }
  }
}
