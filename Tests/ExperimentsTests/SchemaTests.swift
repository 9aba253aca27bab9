import Experiments
import Foundation
import Records
import Testing
import TokenReduction
import VisionModels

@Suite struct SchemaTests {
  private static let experiments = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Experiments")

  @Test func `the schema in Experiments equals the generated one`() throws {
    let file = Self.experiments.appendingPathComponent("schema.json")
    let stored = try String(contentsOf: file, encoding: .utf8)
    #expect(
      stored == (try SpecSchema.text(MicroRun.devices)) + "\n",
      "run: swift run lab schema > Experiments/schema.json")
  }

  /// Every spec in `Experiments`.
  static var specs: [String] {
    let files = FileManager.default.enumerator(atPath: experiments.path)?.allObjects ?? []
    return files.compactMap { $0 as? String }
      .filter { $0.hasSuffix(".json") && $0 != "schema.json" }.sorted()
  }

  @Test func `there are specs in Experiments`() { #expect(Self.specs.count >= 10) }

  @Test(arguments: specs)
  func `every spec in Experiments is valid`(_ file: String) throws {
    let path = Self.experiments.appendingPathComponent(file).path
    #expect(throws: Never.self) { try SpecReader.read(try SpecSource(file: path)) }
  }

  @Test func `every size of an architecture is a spec key`() {
    let declared = Set(SpecRules.architecture.map(\.key))
    // The key "family" precedes those of every family.
    let keys = Set(ViTArchitecture.CodingKeys.allCases.map(\.stringValue))
    #expect(declared == keys.union(["family"]))
  }

  @Test func `every method has a schema with all its keys`() throws {
    guard case .object(let schema) = SpecSchema.schema(MicroRun.devices),
      case .object(let definitions)? = schema["$defs"],
      case .object(let method)? = definitions["method"],
      case .array(let forms)? = method["oneOf"]
    else {
      Issue.record("the schema has no methods")
      return
    }
    #expect(forms.count == TokenReductionRegistry.all.count)
    for (method, form) in zip(TokenReductionRegistry.all, forms) {
      guard case .object(let members) = form, case .object(let properties)? = members["properties"]
      else {
        Issue.record("\(method.name) has no properties")
        continue
      }
      #expect(
        Set(properties.keys)
          .isSuperset(of: Set(method.parameters.map(\.name)).union(["method"])))
      #expect(members["additionalProperties"] == .boolean(false))
    }
  }

  @Test(arguments: TokenReductionRegistry.all.map { $0.example })
  func `the example of every method is valid`(_ example: String) {
    let text = #"{"model": "vit_base_patch16_224", "methods": [\#(example)]}"#
    #expect(SpecMistakeTests.sentences(text) == [])
  }
}
