import Records
import TokenReduction

/// The values of a sweep axis: a single value, a list, or ranges.
enum Sweep {
  /// The maximum number of values of an axis; more is a typing error in the step.
  static let maxValues = 10_000

  /// One value of an axis and its position: empty for a single value, `[1]` in a list.
  struct Element {
    let value: JSONValue
    let suffix: String
  }

  /// A problem of an axis.
  struct Mistake: Error {
    let suffix: String
    let message: String
  }

  /// The values of `value` under `rule`, in the order written.
  ///
  /// For a rule that itself takes lists (`layers`), the axis is a list of lists.
  static func elements(_ value: JSONValue, rule: ValueRule) throws(Mistake) -> [Element] {
    switch value {
    case .array(let values):
      if takesLists(rule), !values.contains(where: isList) {
        return [Element(value: value, suffix: "")]
      }
      guard !values.isEmpty else {
        throw Mistake(suffix: "", message: "the list is empty; it must hold \(rule.expectation)")
      }
      guard values.count <= maxValues else {
        throw Mistake(
          suffix: "",
          message: "the list has \(values.count) values; at most \(maxValues) are taken")
      }
      var elements: [Element] = []
      for (index, element) in values.enumerated() {
        if let range = range(element, rule) {
          elements += try expand(range, suffix: "[\(index)]", rule: rule).map {
            Element(value: $0, suffix: "[\(index)]")
          }
        } else {
          elements.append(Element(value: element, suffix: "[\(index)]"))
        }
      }
      return elements
    case let value:
      guard let range = range(value, rule) else { return [Element(value: value, suffix: "")] }
      return try expand(range, suffix: "", rule: rule).map { Element(value: $0, suffix: "") }
    }
  }

  private static func takesLists(_ rule: ValueRule) -> Bool {
    switch rule {
    case .list: true
    case .either(let rules): rules.contains(where: takesLists)
    default: false
    }
  }

  private static func isList(_ value: JSONValue) -> Bool {
    if case .array = value { true } else { false }
  }

  /// The content of `{"range": …}`, if a range is allowed.
  private static func range(_ value: JSONValue, _ rule: ValueRule) -> JSONValue? {
    guard rule.isNumeric, case .object(let members) = value, members.count == 1 else { return nil }
    return members["range"]
  }

  /// `start, start + step, …` up to and including `stop`.
  private static func expand(
    _ range: JSONValue, suffix: String, rule: ValueRule
  ) throws(Mistake) -> [JSONValue] {
    let form = "a range is [start, stop, step], such as [2, 8, 2]"
    guard case .array(let parts) = range, parts.count == 3,
      let start = parts[0].asDouble, let stop = parts[1].asDouble, let step = parts[2].asDouble
    else { throw Mistake(suffix: suffix, message: "\(range.text) is not a range; \(form)") }
    guard step != 0 else {
      throw Mistake(
        suffix: suffix,
        message: "the range \(range.text) has the step 0; the step is the distance between two "
          + "values, as in [2, 8, 2]")
    }
    guard (stop - start) / step >= 0 else {
      throw Mistake(
        suffix: suffix,
        message: "the range \(range.text) never reaches its stop; change the sign of the step")
    }
    if let first = parts[0].asInt, let last = parts[1].asInt, let each = parts[2].asInt {
      // With integers, because a Double is not exact beyond 2⁵³.
      let distance = last.subtractingReportingOverflow(first)
      let (steps, overflows) = distance.partialValue.dividedReportingOverflow(by: each)
      guard !distance.overflow, !overflows else {
        throw tooMany(range, (stop - start) / step, suffix)
      }
      guard steps < maxValues else { throw tooMany(range, Double(steps) + 1, suffix) }
      return (0...steps).map { .integer(first + $0 * each) }
    }
    // A tolerance of a millionth of a step allows for 0.1 + 0.2.
    let count = ((stop - start) / step + 1e-6).rounded(.down) + 1
    guard count <= Double(maxValues) else { throw tooMany(range, count, suffix) }
    return (0..<Int(count)).map { index in
      // Twelve digits, so that 0.1 + 2 · 0.1 is shown as 0.3.
      let value = start + Double(index) * step
      let scale = 1e12
      let rounded = (value * scale).rounded() / scale
      return JSONValue.number(rounded.isFinite ? rounded : value).canonical
    }
  }

  private static func tooMany(_ range: JSONValue, _ count: Double, _ suffix: String) -> Mistake {
    Mistake(
      suffix: suffix,
      message: "the range \(range.text) has \(Int(min(count, 1e15))) values; at most "
        + "\(maxValues) are taken, so a larger step is needed")
  }
}
