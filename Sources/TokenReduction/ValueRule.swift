import Records
import Tensors

/// What a value of a spec may be: one declaration, of a method's parameter as of any other key,
/// that validates, writes the JSON Schema and documents.
package indirect enum ValueRule: Sendable {
  case text
  /// A model of the registry.
  case modelName
  /// What can name a folder of results.
  case fileName
  case integer(minimum: Int, maximum: Int?)
  case number(minimum: Double, exclusiveMinimum: Bool, maximum: Double?)
  case boolean
  case choice([String])
  /// A device of this machine by its name.
  case device(DeviceKinds)
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
  /// Percentage points as text such as `"0.3pp"`, above 0 and up to a bound.
  case points(maximum: Double)
  /// One entry of `methods`.
  case method

  /// What a value of this kind looks like, for messages: `a whole number from 1`.
  package var expectation: String {
    switch self {
    case .text: "text in double quotes"
    case .modelName: "a model's name such as \"demo_vit\""
    case .fileName:
      "a name of letters, digits, '.', '_' and '-' that does not begin with '.' or '-'"
    case .integer(let minimum, let maximum?): "a whole number from \(minimum) to \(maximum)"
    case .integer(let minimum, nil): "a whole number from \(minimum)"
    case .number(let minimum, let exclusive, let maximum):
      "a number \(exclusive ? "above" : "from") \(JSONValue.number(minimum).shortText)"
        + (maximum.map { " \(exclusive ? "up to" : "to") \(JSONValue.number($0).shortText)" } ?? "")
    case .boolean: "true or false"
    case .choice(let names): names.map { "\"\($0)\"" }.joined(separator: " or ")
    case .device(let kinds): kinds.expectation
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
    case .points(let maximum):
      "percentage points in quotes such as \"0.3pp\", above 0 and up to "
        + "\(JSONValue.number(maximum).shortText)pp"
    case .method: "an object such as {\"method\": \"topk\", \"r\": 8}"
    }
  }

  /// Whether values of this kind are lists.
  var isList: Bool { if case .list = self { true } else { false } }

  /// Whether a range may stand for values of this kind.
  package var isNumeric: Bool {
    switch self {
    case .integer, .number, .layer: true
    case .either(let rules): rules.contains(where: \.isNumeric)
    default: false
    }
  }
}

extension ValueRule {
  /// `expectation` of one value of an axis.
  package var valueText: String {
    if case .axis(let rule) = self { rule.expectation } else { expectation }
  }
}

extension ValueRule {
  /// One block, or a list of blocks.
  package static let layers = ValueRule.either([.layer, .list(.layer)])
  /// A count for each block or step.
  package static let counts = ValueRule.list(.integer(minimum: 0, maximum: nil))
  /// Shares above 0 up to 1.
  package static let rates = ValueRule.list(
    .number(minimum: 0, exclusiveMinimum: true, maximum: 1))
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

extension JSONValue {
  /// The value as a person writes it: whole numbers without a fraction.
  package var shortText: String {
    if case .number(let number) = self, number == number.rounded(), abs(number) < 1e15 {
      return "\(Int(number))"
    }
    return text
  }
}
