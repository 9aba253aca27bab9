import Records
import Testing

@testable import TokenReduction

/// Schedules that any method can use instead of its own.
@Suite struct ScheduleKeyTests {
  private static let geometry = TokenGeometry(tokens: 37, prefixTokens: 1, depth: 4)
  private static let methods = TokenReductionRegistry.all.filter {
    $0 != NoReduction.self && $0 != ExplicitAttention.self && $0 != ComposedMethod.self
  }

  private func problems(
    _ method: any TokenReductionMethod.Type, _ parameters: [String: JSONValue]
  ) -> [String] {
    TokenReductionRegistry.problems(
      method: method, parameters: parameters, geometry: Self.geometry
    ).map(\.description)
  }

  private func composition(
    _ method: any TokenReductionMethod.Type, _ parameters: [String: JSONValue]
  ) throws -> Composition {
    let setting = try TokenReductionRegistry.resolve(
      method: method, parameters: parameters, geometry: Self.geometry)
    // A recorded setting resolves to the same again.
    #expect(
      try TokenReductionRegistry.resolve(
        method: method, parameters: setting.parameters, geometry: Self.geometry) == setting)
    return try TokenReductionRegistry.composition(for: setting, geometry: Self.geometry)
  }

  @Test(arguments: Self.methods.map { $0.name })
  func `R is removed at one block or divided among several`(name: String) throws {
    let method = try #require(TokenReductionRegistry.method(named: name))
    let single = try composition(
      method, ["schedule": .string("single"), "r": .integer(10), "layer": .string("50%")])
    #expect(single.tokensAfterBlocks == [37, 37, 27, 27])
    let spread = try composition(
      method,
      [
        "schedule": .string("spread"), "r": .integer(9),
        "layers": .array([.integer(1), .integer(3)]),
      ])
    #expect(spread.tokensAfterBlocks == [37, 32, 32, 28])
    #expect(spread.steps.map(\.position).allSatisfy { $0 == spread.steps[0].position })
  }

  @Test(arguments: Self.methods.map { $0.name })
  func `a fraction of the current or of all tokens is kept`(name: String) throws {
    let method = try #require(TokenReductionRegistry.method(named: name))
    func counts(_ base: String) throws -> [Int] {
      try composition(
        method,
        [
          "schedule": .string("keep_rate"), "keep_rate": .number(0.7),
          "keep_base": .string(base), "layers": .array([.integer(1), .integer(3)]),
        ]
      ).tokensAfterBlocks
    }
    // 25.2 and 17.64 of 36 are rounded down; of the current tokens, 26 of 36 and 19 of 26 are kept,
    // and the fused token is one of them at the next block.
    #expect(try counts("initial") == [37, 26, 26, 18])
    let fuses = [EViT.name, TailEffect.name].contains(name)
    #expect(try counts("current") == (fuses ? [37, 28, 28, 21] : [37, 27, 27, 20]))
  }

  @Test(arguments: Self.methods.map { $0.name })
  func `r tokens are removed at every block`(name: String) throws {
    let method = try #require(TokenReductionRegistry.method(named: name))
    let parameters: [String: JSONValue] = [
      "schedule": .string("progressive"), "r": .integer(3),
    ]
    if method == KMedoids.self {
      #expect(problems(method, parameters).count == 1)
    } else {
      #expect(try composition(method, parameters).tokensAfterBlocks == [34, 31, 28, 25])
    }
  }

  @Test func `a key that a schedule does not read is refused with one sentence`() {
    #expect(
      problems(
        EViT.self, ["schedule": .string("single"), "r": .integer(3), "keep_rate": .number(0.5)])
        == [
          "keep_rate: 0.5 has no meaning with \"schedule\": \"single\", which reads 'layer', 'r'; "
            + "remove one of the two"
        ])
    #expect(
      problems(ATC.self, ["schedule": .string("spread")])
        == ["r: is missing; the schedule \"spread\" needs it"])
    #expect(
      problems(
        TopK.self,
        ["schedule": .string("single"), "tokens": .array([37, 30, 30, 30].map { .integer($0) })])
        == [
          "schedule: \"single\" has no meaning with \"tokens\", which gives every block's count; "
            + "remove one of the two"
        ])
    #expect(
      problems(ToMe.self, ["schedule": .string("single"), "r": .integer(30)])
        == [
          "r: asks block 1 for 30 of 37 tokens; this method can remove at most 18 there"
        ])
    #expect(
      problems(TopK.self, ["schedule": .string("often"), "r": .integer(3)])
        == [
          "schedule: \"often\" is not known; it must be \"single\" or \"spread\" or \"progressive\" "
            + "or \"keep_rate\""
        ])
  }
}
