import Records

/// Which parameters of a method a table shows, and how.
///
/// It shows those that determine how much is removed where, and those that differ between rows of
/// the same method. The others have the same default value in every row.
struct ParameterText {
  /// The parameters that determine how much is removed where, in the order of display.
  private static let essential = [
    "score", "disposal", "schedule", "r", "keep_rate", "layer", "layers",
  ]
  private var varying: [String: Set<String>] = [:]

  /// Determines from all rows which parameters distinguish them.
  init(methods: some Sequence<MethodSetting>) {
    var seen: [String: [String: Set<JSONValue?>]] = [:]
    for (name, settings) in Dictionary(grouping: methods, by: \.name) {
      let keys = Set(settings.flatMap { $0.parameters.keys })
      for key in keys {
        seen[name, default: [:]][key] = Set(settings.map { $0.parameters[key] })
      }
    }
    varying = seen.mapValues { values in Set(values.filter { $0.value.count > 1 }.keys) }
  }

  /// For example `r=70, layer=3`, or nothing.
  func text(for method: MethodSetting) -> String {
    text(method, keys: Set(Self.essential).union(varying[method.name] ?? []))
  }

  /// Only the parameters that distinguish the row from its siblings, for a label in a figure.
  func shortText(for method: MethodSetting) -> String {
    text(method, keys: varying[method.name] ?? [])
  }

  /// The parameters that distinguish the row from its siblings; for a single row, how much it
  /// removes.
  func distinguishingText(for method: MethodSetting) -> String {
    let short = shortText(for: method)
    return short.isEmpty ? text(method, keys: ["r", "keep_rate"]) : short
  }

  /// The only parameter in which rows of a method differ; `nil` if they differ in none or several.
  func onlyVaryingKey(of method: String) -> String? {
    let keys = varying[method] ?? []
    return keys.count == 1 ? keys.first : nil
  }

  private func text(_ method: MethodSetting, keys: Set<String>) -> String {
    let first = Self.essential.filter(keys.contains)
    let rest = keys.subtracting(first).sorted()
    return (first + rest).compactMap { key in
      method.parameters[key].map { "\(key)=\(Self.compact($0))" }
    }.joined(separator: ", ")
  }

  /// A value in a short form.
  static func compact(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .boolean(let flag): flag ? "on" : "off"
    case .integer(let number): String(number)
    case .number(let number): trimmed(number, digits: 4)
    case .string(let text): text
    case .array(let items): items.map(compact).joined(separator: "/")
    case .object(let fields):
      fields.sorted { $0.key < $1.key }.map { "\($0.key):\(compact($0.value))" }
        .joined(separator: "/")
    }
  }
}
