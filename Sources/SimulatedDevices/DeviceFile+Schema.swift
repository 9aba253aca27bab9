import Foundation
import Records
import Tensors

extension DeviceFile {
  /// The JSON Schema of a device file, draft 2020-12, keys sorted.
  package static var schemaText: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(schema), as: UTF8.self)
    }
  }

  package static var schema: JSONValue {
    var properties: [String: JSONValue] = [:]
    for rule in numbers {
      properties[rule.key] = number(rule.range, isWhole: rule.isWhole, rule.summary)
    }
    properties["$schema"] = text("for editors")
    properties["name"] = text("as a spec names the device")
    properties["title"] = text("as its maker calls it")
    properties["fitted_to"] = text("what the constants were fitted to, or taken from")
    properties["precision"] = .object([
      "enum": .array(Precision.allCases.map { .string($0.rawValue) }),
      "description": .string("what a pass is predicted in where nobody says"),
    ])
    properties["fused_attention"] = .object([
      "type": .string("boolean"),
      "description": .string("whether an eager pass has one kernel for attention"),
    ])
    properties["peak_tflops"] = object(
      Precision.allCases.map {
        ($0.rawValue, number(peakRange, isWhole: false, "dense, two for a multiply-add"))
      }, required: [])
    properties["tiles"] = .object([
      "type": .string("array"), "minItems": .integer(1), "maxItems": .integer(64),
      "description": .string("rows and columns of the output tiles of matrix products"),
      "items": .object([
        "type": .string("array"), "minItems": .integer(2), "maxItems": .integer(2),
        "items": number(tileRange, isWhole: true, "a side of the tile"),
      ]),
    ])
    properties["sources"] = .object([
      "type": .string("object"), "required": .array(sourced.map { .string($0) }),
      "additionalProperties": text("where the fact is from"),
    ])
    properties["constants"] = object(
      CostConstants.fields.map { ($0.key, number($0.range, isWhole: false, "fitted")) },
      required: constantKeys)
    properties["checked"] = object(
      [
        ("points", number(1...1_000_000, isWhole: true, "that the fit did not see")),
        ("median_percent", number(0...10_000, isWhole: false, "error of latency")),
        ("worst_percent", number(0...10_000, isWhole: false, "error of latency")),
      ], required: checkedKeys)
    let optional = ["$schema", "checked"]
    return .object([
      "$schema": .string("https://json-schema.org/draft/2020-12/schema"),
      "title": .string("A simulated device of lab"), "type": .string("object"),
      "additionalProperties": .boolean(false), "properties": .object(properties),
      "required": .array(
        properties.keys.filter { !optional.contains($0) }.sorted().map { .string($0) }),
    ])
  }

  private static func text(_ summary: String) -> JSONValue {
    .object([
      "type": .string("string"), "minLength": .integer(1), "description": .string(summary),
    ])
  }

  private static func number(
    _ range: ClosedRange<Double>, isWhole: Bool, _ summary: String
  ) -> JSONValue {
    .object([
      "type": .string(isWhole ? "integer" : "number"), "minimum": .number(range.lowerBound),
      "maximum": .number(range.upperBound), "description": .string(summary),
    ])
  }

  private static func object(
    _ properties: [(String, JSONValue)], required: [String]
  ) -> JSONValue {
    .object([
      "type": .string("object"), "additionalProperties": .boolean(false),
      "properties": .object(Dictionary(uniqueKeysWithValues: properties)),
      "required": .array(required.map { .string($0) }),
    ])
  }
}
