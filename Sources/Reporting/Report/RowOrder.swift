import Records

/// The order of rows where the spec gives none: the baseline, then the known methods from simple
/// to involved, then others by name; within a method by its parameters' values.
enum RowOrder {
  static let knownMethods = ["none", "random", "topk", "evit", "tome", "tail_effect", "compose"]

  static func precedes(_ a: MethodSetting, _ b: MethodSetting) -> Bool {
    let ranks = (rank(a.name), rank(b.name))
    if ranks.0 != ranks.1 { return ranks.0 < ranks.1 }
    if a.name != b.name { return a.name < b.name }
    for key in Set(a.parameters.keys).union(b.parameters.keys).sorted() {
      let values = (a.parameters[key] ?? .null, b.parameters[key] ?? .null)
      if values.0 != values.1 { return precedes(values.0, values.1) }
    }
    return false
  }

  private static func rank(_ name: String) -> Int {
    knownMethods.firstIndex(of: name) ?? knownMethods.count
  }

  /// Numbers by value, lists element by element, anything else by its text.
  private static func precedes(_ a: JSONValue, _ b: JSONValue) -> Bool {
    switch (number(a), number(b)) {
    case (let first?, let second?): return first < second
    case (_?, nil): return true
    case (nil, _?): return false
    default: break
    }
    if case .array(let first) = a, case .array(let second) = b {
      for (x, y) in zip(first, second) where x != y { return precedes(x, y) }
      return first.count < second.count
    }
    return ParameterText.compact(a) < ParameterText.compact(b)
  }

  private static func number(_ value: JSONValue) -> Double? {
    switch value {
    case .integer(let number): Double(number)
    case .number(let number): number
    default: nil
    }
  }
}
