import Foundation
import Records
import Tensors
import TokenReduction
import VisionModels

/// The JSON Schema of a spec, written from the rules that validate it.
package enum SpecSchema {
  /// The schema, draft 2020-12, for a program that has these devices.
  package static func schema(_ devices: DeviceKinds) -> JSONValue {
    var schema = object(SpecRules.root(devices))
    schema["$schema"] = .string("https://json-schema.org/draft/2020-12/schema")
    schema["title"] = .string("An experiment of lab")
    schema["$defs"] = .object(["method": methods])
    // A spec that extends another may omit any key.
    let required = schema.removeValue(forKey: "required")
    if let required {
      schema["anyOf"] = .array([
        .object(["required": .array([.string("extends")])]), .object(["required": required]),
      ])
    }
    return .object(schema)
  }

  private static func object(_ keys: [KeyRule]) -> [String: JSONValue] {
    var schema: [String: JSONValue] = [
      "type": .string("object"), "additionalProperties": .boolean(false),
      "properties": .object(
        Dictionary(uniqueKeysWithValues: keys.map { ($0.key, property($0)) })),
    ]
    let required = keys.filter(\.isRequired).map { JSONValue.string($0.key) }
    if !required.isEmpty { schema["required"] = .array(required) }
    return schema
  }

  private static func property(_ key: KeyRule) -> JSONValue {
    var members: [String: JSONValue] = [:]
    if case .object(let schema) = schema(key.rule) {
      members = schema
    }
    switch key.standard {
    case .none: members["description"] = .string(key.summary)
    case .described(let words):
      members["description"] = .string("\(key.summary) (default: \(words))")
    case .value(let value):
      members["description"] = .string(key.summary)
      members["default"] = value.canonical
    }
    return .object(members)
  }

  private static func schema(_ rule: ValueRule) -> JSONValue {
    switch rule {
    case .text: .object(["type": .string("string"), "minLength": .integer(1)])
    case .modelName:
      .object([
        "anyOf": .array([
          .object(["enum": .array(ModelRegistry.all.map { .string($0.name) })]),
          // A repository on the Hugging Face Hub, or a folder.
          .object(["type": .string("string"), "pattern": .string("^hf:.+/.+|/")]),
        ])
      ])
    case .fileName:
      .object([
        "type": .string("string"),
        "pattern": .string("^(?![.-])[^\\u0000-,/:-@\\[-^`{-\\u007F]{1,200}$"),
      ])
    case .integer(let minimum, let maximum):
      .object(
        ["type": .string("integer"), "minimum": .integer(minimum)].merging(
          maximum.map { ["maximum": .integer($0)] } ?? [:]
        ) { $1 })
    case .number(let minimum, let exclusive, let maximum):
      .object(
        [
          "type": .string("number"),
          exclusive ? "exclusiveMinimum" : "minimum": JSONValue.number(minimum).canonical,
        ].merging(maximum.map { ["maximum": JSONValue.number($0).canonical] } ?? [:]) { $1 })
    case .boolean: .object(["type": .string("boolean")])
    case .choice(let names): .object(["enum": .array(names.map { .string($0) })])
    case .device(let kinds):
      .object(["type": .string("string"), "pattern": .string(kinds.pattern)])
    case .object(let keys): .object(object(keys))
    case .mapping:
      .object([
        "type": .string("object"),
        "additionalProperties": .object(["type": .string("integer"), "minimum": .integer(0)]),
      ])
    case .names:
      .object([
        "type": .string("object"),
        "additionalProperties": .object([
          "type": .string("string"), "minLength": .integer(1),
        ]),
      ])
    case .parameters:
      .object([
        "type": .string("object"),
        "additionalProperties": .object([
          "type": .array(["boolean", "number", "string", "array"].map { .string($0) })
        ]),
      ])
    case .list(let element):
      .object([
        "type": .string("array"), "minItems": .integer(1), "items": schema(element),
      ])
    case .either(let rules): .object(["anyOf": .array(rules.map(schema))])
    case .axis(let rule): .object(axis(schema(rule), isNumeric: rule.isNumeric))
    case .layer:
      .object([
        "anyOf": .array([
          .object(["type": .string("integer"), "minimum": .integer(0)]),
          .object(["type": .string("string"), "pattern": .string("^[0-9]+(\\.[0-9]+)?%$")]),
        ])
      ])
    case .percent:
      .object([
        "type": .string("string"), "pattern": .string("^[0-9]{1,3}(\\.[0-9]{1,6})?%$"),
      ])
    case .points:
      .object([
        "type": .string("string"), "pattern": .string("^[0-9]{1,2}(\\.[0-9]{1,6})?pp$"),
      ])
    case .method: .object(["$ref": .string("#/$defs/method")])
    }
  }

  /// A value, a list of values, or a range.
  private static func axis(_ element: JSONValue, isNumeric: Bool = false) -> [String: JSONValue] {
    let range = JSONValue.object([
      "type": .string("object"), "additionalProperties": .boolean(false),
      "required": .array([.string("range")]),
      "properties": .object([
        "range": .object([
          "description": .string("start, stop (included) and step"), "type": .string("array"),
          "items": .object(["type": .string("number")]), "minItems": .integer(3),
          "maxItems": .integer(3),
        ])
      ]),
    ])
    let item: JSONValue = isNumeric ? .object(["anyOf": .array([element, range])]) : element
    let list = JSONValue.object([
      "type": .string("array"), "minItems": .integer(1), "items": item,
    ])
    return ["anyOf": .array(isNumeric ? [element, range, list] : [element, list])]
  }

  /// R is either given or chosen in one way.
  private static func choiceOfR(_ method: any TokenReductionMethod.Type) -> [String: JSONValue] {
    let searches = SpecRules.searches(of: method).map(\.key)
    guard !searches.isEmpty else { return [:] }
    let ways = ["r"] + searches
    func required(_ keys: [String]) -> JSONValue {
      .object(["required": .array(keys.map { .string($0) })])
    }
    let pairs = ways.indices.flatMap { first in
      ways.indices.filter { $0 > first }.map { required([ways[first], ways[$0]]) }
    }
    var form: [String: JSONValue] = ["not": .object(["anyOf": .array(pairs)])]
    if method != TailEffect.self, SpecRules.needsR(method) {
      form["anyOf"] = .array(
        (ways + [Schedule.tokens.name, Schedule.kindName]).map { required([$0]) })
    }
    return form
  }

  /// One form for each method, distinguished by its name.
  private static var methods: JSONValue {
    .object([
      "oneOf": .array(
        TokenReductionRegistry.all.map { method in
          var form = object(SpecRules.keys(of: method))
          form["description"] = .string("\(method.summary) (\(method.source))")
          for (key, value) in choiceOfR(method) { form[key] = value }
          return .object(form)
        })
    ])
  }
}

extension SpecSchema {
  /// The schema as text, keys sorted, without a line break at the end.
  package static func text(_ devices: DeviceKinds) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(schema(devices)), as: UTF8.self)
  }
}
