import Records
import Support
import Tensors
import TokenReduction

/// Compares values with their rules and collects every mistake.
struct RuleChecker {
  /// Names the source of a path in messages: a file or a command-line option.
  var source: (_ path: String) -> String
  private(set) var problems: [SpecProblem] = []

  /// Nobody reads more, and each problem is compared with all earlier ones.
  private static let maxProblems = 200

  init(source: @escaping (String) -> String) { self.source = source }

  mutating func report(_ path: String, _ message: String) {
    guard problems.count < Self.maxProblems else { return }
    let problem = SpecProblem(source: source(path), path: path, message: message)
    if !problems.contains(problem) { problems.append(problem) }
  }

  /// Whether there is a problem at `path` or below it.
  func hasProblem(at path: String) -> Bool {
    problems.contains {
      $0.path == path || $0.path.hasPrefix(path + ".") || $0.path.hasPrefix(path + "[")
    }
  }

  mutating func check(_ value: JSONValue, _ rule: ValueRule, path: String) {
    switch (rule, value) {
    case (.axis(let element), _): checkAxis(value, element, path: path)
    case (.either(let rules), _): checkEither(value, rules, path: path)
    case (.object(let keys), .object(let members)): check(members, keys, path: path)
    case (.list(let element), .array(let values)):
      if values.isEmpty { report(path, "the list is empty; it must hold \(element.expectation)") }
      for (index, value) in values.enumerated() { check(value, element, path: "\(path)[\(index)]") }
    case (.method, .object(let members)): checkMethod(members, path: path)
    default:
      if let message = mistake(value, rule) { report(path, message) }
    }
  }

  /// Checks the members of an object, in the order of its rules, then the keys that it does not
  /// have.
  mutating func check(_ members: [String: JSONValue], _ keys: [KeyRule], path: String) {
    let prefix = path.isEmpty ? "" : path + "."
    for key in keys {
      if let value = members[key.key] {
        check(value, key.rule, path: prefix + key.key)
      } else if key.isRequired {
        report(path, "the key '\(key.key)' is missing; it must be \(key.rule.expectation)")
      }
    }
    reportUnknown(members, keys, path: path)
  }

  private mutating func reportUnknown(
    _ members: [String: JSONValue], _ keys: [KeyRule], path: String
  ) {
    let known = keys.map(\.key)
    for key in members.keys.sorted() where !known.contains(key) {
      guard problems.count < Self.maxProblems else { return }
      let advice =
        Self.ownerAdvice(key, members[key], among: keys)
        ?? NearestName.advice(key, among: known, noun: "known keys")
      report(path.isEmpty ? key : "\(path).\(key)", "unknown key; \(advice)")
    }
  }

  /// The advice for a key of an object that one of `keys` may have; `nil` for any other.
  private static func ownerAdvice(
    _ key: String, _ value: JSONValue?, among keys: [KeyRule]
  ) -> String? {
    func objects(_ rule: ValueRule) -> [[KeyRule]] {
      switch rule {
      case .object(let keys): [keys]
      case .axis(let element): objects(element)
      case .either(let rules): rules.flatMap(objects)
      default: []
      }
    }
    let owners = keys.filter { objects($0.rule).contains { $0.contains { $0.key == key } } }
      .map(\.key)
    guard let owner = owners.first, let value else { return nil }
    let advice = "it is a key of \(series(owners.map { "'\($0)'" }, "and"))"
    let text = JSONValue.object([owner: .object([key: value])]).text
    return owners.count == 1 && text.utf8.count <= 200 ? "\(advice): write \(text)" : advice
  }

  private mutating func checkAxis(_ value: JSONValue, _ rule: ValueRule, path: String) {
    do throws(Sweep.Mistake) {
      for element in try Sweep.elements(value, rule: rule) {
        check(element.value, rule, path: path + element.suffix)
      }
    } catch {
      report(path + error.suffix, error.message)
    }
  }

  private mutating func checkEither(_ value: JSONValue, _ rules: [ValueRule], path: String) {
    let fitting = rules.filter { Self.takes($0, value) }
    switch fitting.count {
    case 0: report(path, wrongKind(value, .either(rules)))
    case 1:
      if case .choice(let names) = fitting[0], let text = value.asString, !names.contains(text),
        NearestName.of(text, among: names) == nil
      {
        let expectation = ValueRule.either(rules).expectation
        report(
          path, pathAdvice(text, rules) ?? "\"\(text)\" is not known; it must be \(expectation)")
      } else {
        check(value, fitting[0], path: path)
      }
    default:
      // Objects with several forms are distinguished by the first key of each form.
      if case .object(let members) = value {
        let forms: [(first: String, rule: ValueRule)] = fitting.compactMap { rule in
          guard case .object(let keys) = rule, let first = keys.first else { return nil }
          return (first.key, rule)
        }
        let meant = forms.filter { members[$0.first] != nil }
        let names = forms.map { "'\($0.first)'" }.joined(separator: " or ")
        switch meant.count {
        case 1: check(value, meant[0].rule, path: path)
        case 0:
          let found = members.keys.sorted().map { "'\($0)'" }.joined(separator: ", ")
          report(
            path,
            "\(members.isEmpty ? "the object is empty" : "\(found) does not say what it is"); "
              + "it must have the key \(names)")
        default: report(path, "only one of \(names) can be given")
        }
      } else {
        check(value, fitting[0], path: path)
      }
    }
  }

  /// The advice for a bare path, where an object must say what the path is.
  private func pathAdvice(_ text: String, _ rules: [ValueRule]) -> String? {
    let keys = rules.compactMap { rule -> KeyRule? in
      if case .object(let keys) = rule { keys.first } else { nil }
    }
    func line(_ key: KeyRule, _ path: some StringProtocol) -> String {
      JSONValue.object([key.key: .string(HomePath.expanded(String(path)))]).text
    }
    // As the command line takes it.
    if let key = keys.first(where: { text.hasPrefix("\($0.key):") }) {
      return "the form KEY:PATH is that of an option; write "
        + line(key, text.dropFirst(key.key.count + 1))
    }
    guard text.contains("/") || text.hasPrefix("~"), !keys.isEmpty else { return nil }
    let lines = keys.map { "\(line($0, text)) for \($0.summary)" }
    return "a path alone does not say what is there; write \(lines.joined(separator: ", or "))"
  }

  private mutating func checkMethod(_ members: [String: JSONValue], path: String) {
    let names = TokenReductionRegistry.all.map { $0.name }
    guard let given = members["method"] else {
      report(
        path, "the key 'method' is missing; it must be one of \(names.joined(separator: ", "))")
      return
    }
    guard case .string(let name) = given else {
      report("\(path).method", wrongKind(given, .text))
      return
    }
    guard let method = TokenReductionRegistry.method(named: name) else {
      report(
        "\(path).method",
        "\"\(name)\" is not a method; \(NearestName.advice(name, among: names, noun: "methods"))")
      return
    }
    let rules = SpecRules.keys(of: method)
    for rule in rules {
      if let value = members[rule.key] {
        check(value, rule.rule, path: "\(path).\(rule.key)")
      } else if rule.isRequired || SpecRules.needs(rule, of: method, with: members) {
        report(path, "the key '\(rule.key)' is missing; it must be \(rule.rule.valueText)")
      }
    }
    reportUnknown(members, rules, path: path)
  }

  /// Whether `rule` applies to values of this kind at all.
  private static func takes(_ rule: ValueRule, _ value: JSONValue) -> Bool {
    switch (rule, value) {
    case (.text, .string), (.modelName, .string), (.fileName, .string),
      (.choice, .string), (.device, .string),
      (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number),
      (.boolean, .boolean), (.object, .object), (.mapping, .object), (.names, .object),
      (.parameters, .object),
      (.method, .object),
      (.list, .array), (.layer, .integer), (.layer, .string), (.percent, .string),
      (.points, .string):
      true
    case (.either(let rules), _): rules.contains { takes($0, value) }
    case (.axis(let rule), .array): !rule.expectation.isEmpty
    case (.axis(let rule), _): takes(rule, value)
    default: false
    }
  }

  private func wrongKind(_ value: JSONValue, _ rule: ValueRule) -> String {
    "\(value.kindName == "null" ? "null" : value.text) has the wrong type; it must be "
      + rule.expectation
  }

  /// The sentence that describes the problem of a single value.
  private func mistake(_ value: JSONValue, _ rule: ValueRule) -> String? {
    guard Self.takes(rule, value) else { return wrongKind(value, rule) }
    let outOfRange = "\(value.shortText) is out of range; it must be \(rule.expectation)"
    switch (rule, value) {
    case (.integer(let minimum, let maximum), .integer(let number)):
      return number >= minimum && number <= maximum ?? .max ? nil : outOfRange
    case (.integer, .number(let number)):
      return number == number.rounded()
        ? outOfRange : "\(value.text) is not whole; it must be \(rule.expectation)"
    case (.number(let minimum, let exclusive, let maximum), _):
      let number = value.asDouble ?? .nan
      let isAbove = exclusive ? number > minimum : number >= minimum
      return isAbove && number <= maximum ?? .infinity ? nil : outOfRange
    case (.choice(let names), .string(let text)):
      return names.contains(text)
        ? nil
        : "\"\(text)\" is not known; \(NearestName.advice(text, among: names, noun: "choices"))"
    case (.fileName, .string(let text)):
      return FolderName.mistake(text)
    case (.device(let devices), .string(let text)): return Self.deviceMistake(text, devices)
    case (.percent(let maximum), .string(let text)):
      let share = Percent.share(text)
      return share.map { $0 > 0 && 100 * $0 <= maximum } == true
        ? nil : "\"\(text)\" is no such share; it must be \(rule.expectation)"
    case (.points(let maximum), .string(let text)):
      return Percent.points(text).map { $0 > 0 && $0 <= maximum } == true
        ? nil : "\"\(text)\" is no such width; it must be \(rule.expectation)"
    case (.mapping, .object(let members)):
      let wrong = members.sorted { $0.key < $1.key }.first { ($0.value.asInt ?? -1) < 0 }
      return wrong.map { "'\($0.key)' is \($0.value.text); it must be a whole number from 0" }
    case (.names, .object(let members)):
      let wrong = members.sorted { $0.key < $1.key }.first { $0.value.asString == nil }
      return wrong.map { "'\($0.key)' is \($0.value.text); it must be a name" }
    case (.parameters, .object(let members)):
      let wrong = members.sorted { $0.key < $1.key }.first { !Self.isParameter($0.value) }
      return wrong.map {
        "'\($0.key)' is \($0.value.text); it must be a number, text, true or false, or a list"
      }
    case (.text, .string(let text)) where text.isEmpty: return "the text is empty"
    case (.text, .string(let text)):
      let control = text.unicodeScalars.first { scalar in
        scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
      }
      return control.map { "the text holds a control character (\($0.codePoint)); remove it" }
    default: return nil
    }
  }

  private static func isParameter(_ value: JSONValue) -> Bool {
    switch value {
    case .null, .object: false
    case .array(let values): !values.isEmpty && values.allSatisfy(isParameter)
    default: true
    }
  }

  private static func deviceMistake(_ text: String, _ devices: DeviceKinds) -> String? {
    if devices.kind(of: text) != nil { return nil }
    let nearest =
      devices.kind(alias: text)?.name ?? NearestName.of(text, among: devices.kinds.map(\.name))
    return "\"\(text)\" is not a device; "
      + (nearest.map { "did you mean '\($0)'?" } ?? "it must be \(devices.expectation)")
  }
}

/// Percentages in a spec.
enum Percent {
  /// The fraction of `2%` or `2.5%`; `nil` for other text.
  static func share(_ text: String) -> Double? {
    guard text.wholeMatch(of: /[0-9]{1,3}(\.[0-9]{1,6})?%/) != nil else { return nil }
    return Double(text.dropLast()).map { $0 / 100 }
  }

  /// The percentage points of `0.3pp`; `nil` for other text.
  static func points(_ text: String) -> Double? {
    guard text.wholeMatch(of: /[0-9]{1,2}(\.[0-9]{1,6})?pp/) != nil else { return nil }
    return Double(text.dropLast(2))
  }
}
