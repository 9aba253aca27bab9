import Records

/// The traits of methods that the records of a report declare.
///
/// It is all that `Reporting` knows about methods: which one is the baseline, which one forms the
/// grid, the order of rows, and how they are drawn.
struct MethodCatalog: Sendable {
  private let traits: [String: MethodTraits]
  /// The setting of the baseline; `nil` if it has no records.
  let baseline: MethodSetting?
  /// The setting of the baseline that stores attention maps in memory; `nil` if it has no records.
  let explicitBaseline: MethodSetting?

  /// Reads the traits from records; if records of a method differ, the last one counts.
  init(_ records: [Record] = []) {
    var traits: [String: MethodTraits] = [:]
    for record in records {
      if let found = record.traits { traits[record.measurement.method.name] = found }
    }
    self.traits = traits
    // The first in order is the baseline that others are compared with.
    let baselines = traits.filter { $0.value.family == .baseline }
      .sorted { ($0.value.order, $0.key) < ($1.value.order, $1.key) }
      .map { (order: $0.value.order, setting: MethodSetting(name: $0.key, parameters: [:])) }
    baseline = baselines.first { $0.order == 0 }?.setting
    explicitBaseline = baselines.first { $0.order > 0 }?.setting
  }

  subscript(name: String) -> MethodTraits? { traits[name] }

  func family(of method: MethodSetting) -> MethodFamily { traits[method.name]?.family ?? .other }

  func isBaseline(_ method: MethodSetting) -> Bool { method.name == baseline?.name }

  /// Whether it is one of the two baselines, which are timed with every set of rows.
  func isAnyBaseline(_ method: MethodSetting) -> Bool { family(of: method) == .baseline }

  /// Whether its records form a grid over token counts; with explicit counts it is a control.
  func isGrid(_ method: MethodSetting) -> Bool {
    family(of: method) == .random && method.parameters["tokens"] == nil
      && method.parameters["schedule"] == nil
  }

  /// Sorts by the methods' declared order, then by name, then by parameter values.
  func precedes(_ a: MethodSetting, _ b: MethodSetting) -> Bool {
    let orders = (order(of: a.name), order(of: b.name))
    if orders.0 != orders.1 { return orders.0 < orders.1 }
    if a.name != b.name { return a.name < b.name }
    for key in Set(a.parameters.keys).union(b.parameters.keys).sorted() {
      let values = (a.parameters[key] ?? .null, b.parameters[key] ?? .null)
      if values.0 != values.1 { return Self.precedes(values.0, values.1) }
    }
    return false
  }

  /// The declared order; methods without traits come last.
  func order(of name: String) -> Int { traits[name]?.order ?? .max }

  /// Compares numbers by value, lists element by element, and anything else as text.
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
