import Records
import TokenReduction

extension SpecRules {
  /// Keys of `published`: one table, or one part of a table, of a publication.
  static let published: [KeyRule] = [
    KeyRule("source", .text, required: true, "the publication and the location in it"),
    KeyRule("hardware", .text, required: true, "what the published latencies were measured on"),
    KeyRule(
      "comparable", .text, required: true,
      "what may be compared with measured numbers, and what not"),
    KeyRule(
      "model", .modelName, "the published model; rows of this model are compared if there are any"),
    KeyRule(
      "batch_size", .integer(minimum: 1, maximum: 65_536),
      "the published batch size; rows of this batch size are compared if there are any"),
    KeyRule("baseline", .object(publishedBaseline), "the published model without reduction"),
    KeyRule("rows", .list(.object(publishedRow)), required: true, "the published rows"),
  ]

  private static let positive = ValueRule.number(
    minimum: 0, exclusiveMinimum: true, maximum: nil)
  private static let percent = ValueRule.number(
    minimum: 0, exclusiveMinimum: false, maximum: 100)

  private static let publishedBaseline: [KeyRule] = [
    KeyRule("latency_ms", positive, "milliseconds per batch"),
    KeyRule("top1", percent, "percent"),
  ]

  private static let publishedRow: [KeyRule] = [
    KeyRule("label", .text, required: true, "the row's name in the publication"),
    KeyRule(
      "method", .choice(TokenReductionRegistry.all.map { $0.name }),
      standard: .described("the row is shown without a measured one"),
      "the method whose measured rows it is compared with"),
    KeyRule(
      "match", .parameters, standard: .described("every row of the method"),
      "parameters of those rows; any value of a list matches"),
    KeyRule(
      "model", .modelName, standard: .described("that of all rows"), "the published model"),
    KeyRule(
      "batch_size", .integer(minimum: 1, maximum: 65_536),
      standard: .described("that of all rows"),
      "the published batch size"),
    KeyRule("device", .text, standard: .described("the hardware"), "the published device"),
    KeyRule("r", .integer(minimum: 0, maximum: nil), "the published number of tokens removed"),
    KeyRule("latency_ms", positive, "milliseconds per batch"),
    KeyRule(
      "accuracy_drop_pp", .number(minimum: -100, exclusiveMinimum: false, maximum: 100),
      "percentage points of top-1 lost"),
    KeyRule("top1", percent, "percent"),
    KeyRule(
      "stated_change_percent", .number(minimum: -100, exclusiveMinimum: false, maximum: nil),
      "the change of latency as stated by the publication"),
  ]

  /// Reports keys of `match` that no row of the line's method can have.
  static func checkMatches(_ published: JSONValue?, _ checker: inout RuleChecker) {
    let blocks: [(value: JSONValue, path: String)] =
      switch published {
      case nil: []
      case .array(let values)?: values.enumerated().map { ($1, "published[\($0)]") }
      case let value?: [(value, "published")]
      }
    for block in blocks {
      guard case .object(let members) = block.value, case .array(let rows)? = members["rows"]
      else { continue }
      for (index, row) in rows.enumerated() {
        guard case .object(let line) = row, case .object(let match)? = line["match"] else {
          continue
        }
        let path = "\(block.path).rows[\(index)].match"
        guard let name = line["method"]?.asString else {
          if line["method"] == nil {
            checker.report(path, "a line without 'method' matches nothing; name its method")
          }
          continue
        }
        guard let method = TokenReductionRegistry.method(named: name) else { continue }
        let known = keys(of: method).map(\.key).filter { $0 != "method" }
        for key in match.keys.sorted() where !known.contains(key) {
          checker.report(
            "\(path).\(key)",
            "\(name) has no such key; \(NearestName.advice(key, among: known, noun: "its keys"))")
        }
      }
    }
  }
}
