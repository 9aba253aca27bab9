import Records

extension JSONValue {
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
