import Records
import Testing

@testable import TokenReduction

@Suite struct MethodTests {
  static let deit = TokenGeometry(tokens: 197, prefixTokens: 1, depth: 12)
  static let registers = TokenGeometry(tokens: 261, prefixTokens: 5, depth: 40)

  private func composition(
    _ method: String, _ parameters: [String: JSONValue], _ geometry: TokenGeometry = deit
  ) throws -> Composition {
    try TokenReductionRegistry.composition(
      for: MethodSetting(name: method, parameters: parameters), geometry: geometry)
  }

  @Test(arguments: [deit, registers])
  func `tail_effect with R keeps N - R tokens, including the fused one`(geometry: TokenGeometry)
    throws
  {
    for r in [1, 69, 98, geometry.patchTokens - 2] {
      let composition = try composition("tail_effect", ["r": .integer(r)], geometry)
      #expect(composition.steps.count == 1)
      #expect(composition.steps[0].block == geometry.depth / 4)
      #expect(composition.tokensAfterBlocks.last == geometry.tokens - r)
      let dropped = try self.composition(
        "tail_effect", ["r": .integer(r), "fused_token": .boolean(false)], geometry)
      #expect(dropped.tokensAfterBlocks.last == geometry.tokens - r)
    }
  }

  @Test func `layers in percent are rounded down`() throws {
    for (percent, block) in [("0%", 0), ("10%", 1), ("25%", 3), ("50%", 6), ("99%", 11)] {
      let composition = try composition(
        "tail_effect", ["r": .integer(9), "layer": .string(percent)])
      #expect(composition.steps[0].block == block)
    }
    #expect(
      try composition("tail_effect", ["r": .integer(9)], Self.registers).steps[0].block == 10)
  }

  @Test func `EViT keeps a fraction of the current tokens, rounded up, and one for the rest`()
    throws
  {
    let fused = try composition("evit", ["keep_rate": .number(0.7)])
    // ⌈0.7·196⌉ + 1 = 139 patch tokens, ⌈0.7·139⌉ + 1 = 99, ⌈0.7·99⌉ + 1 = 71.
    #expect(fused.tokensAfterBlocks == [197, 197, 197, 140, 140, 140, 100, 100, 100, 72, 72, 72])
    let dropped = try composition(
      "evit", ["keep_rate": .number(0.5), "fused_token": .boolean(false)])
    #expect(dropped.tokensAfterBlocks.last == 1 + 25)
    #expect(try composition("evit", ["keep_rate": .integer(1)]).steps.isEmpty)
  }

  @Test func `ToMe removes at most half, with constant, increasing or decreasing r`() throws {
    #expect(ToMe.counts(r: 4, inflection: -1, depth: 6) == [8, 6, 4, 3, 1, 0])
    #expect(ToMe.counts(r: 4, inflection: 1, depth: 6) == [0, 1, 3, 4, 6, 8])
    #expect(ToMe.counts(r: 8, inflection: 0, depth: 2) == [8, 8])
    let capped = try composition("tome", ["r": .integer(90)])
    #expect(capped.tokensAfterBlocks.prefix(3) == [107, 54, 28])
    #expect(capped.tokensAfterBlocks.last == 2)
  }

  @Test func `Top-K stops at one patch token`() throws {
    let composition = try composition("topk", ["r": .integer(30)])
    #expect(composition.tokensAfterBlocks.prefix(8) == [167, 137, 107, 77, 47, 17, 2, 2])
  }

  @Test func `random removal precedes the first block`() throws {
    let composition = try composition("random", ["r": .integer(72)])
    #expect(composition.steps.map(\.position) == [.beforeBlock])
    #expect(composition.tokensAfterBlocks.first == 125)
  }

  @Test func `a control removes as many tokens at the same positions in the same blocks`() throws {
    let places: [(String, [String: JSONValue], String)] = [
      ("topk", ["r": .integer(9)], "inside_block"),
      ("evit", ["keep_rate": .number(0.6)], "inside_block"),
      ("mctf", ["r": .integer(12)], "inside_block"),
      ("dct", ["keep_rate": .number(0.9)], "after_block"),
      ("tail_effect", ["r": .integer(70)], "inside_block"),
    ]
    for (name, parameters, position) in places {
      let method = try composition(name, parameters)
      let control = try #require(RandomRemoval.control(of: method, seed: 3))
      #expect(control["position"] == .string(position))
      let random = try composition("random", control)
      #expect(random.score is RandomScore)
      #expect(random.tokensAfterBlocks == method.tokensAfterBlocks)
      #expect(
        random.steps.map(\.block)
          == method.steps.filter { $0.tokensOut < $0.tokensIn }.map(\.block))
    }
    #expect(RandomRemoval.control(of: try composition("none", [:]), seed: 0) == nil)
    #expect(
      RandomRemoval.control(of: try composition("random", ["r": .integer(9)]), seed: 0) == nil)
    #expect(RandomRemoval.control(of: try composition("topk", ["r": .integer(0)]), seed: 0) == nil)
  }

  @Test func `any score can be combined with any disposal and schedule`() throws {
    for score in ["random", "class_attention", "tail_effect"] {
      for disposal in ["drop", "fuse_mean", "fuse_score_sum", "merge"] {
        for (schedule, extra): (String, [String: JSONValue]) in [
          ("single", ["r": .integer(50)]), ("progressive", ["r": .integer(5)]),
          ("keep_rate", ["keep_rate": .number(0.5)]),
        ] {
          let composition = try composition(
            "compose",
            extra.merging([
              "score": .string(score), "disposal": .string(disposal),
              "schedule": .string(schedule),
            ]) { $1 })
          #expect(try #require(composition.tokensAfterBlocks.last) < 197)
        }
      }
    }
  }

  @Test func `each invalid value is one sentence`() throws {
    func problems(_ method: String, _ parameters: [String: JSONValue]) throws -> [String] {
      let type = try #require(TokenReductionRegistry.method(named: method))
      return TokenReductionRegistry.problems(
        method: type, parameters: parameters, geometry: Self.deit
      ).map(\.description)
    }
    #expect(
      try problems("tail_effect", ["r": .integer(300)])
        == ["r: 300 exceeds the 196 patch tokens; at most 194 can go"])
    #expect(
      try problems("tail_effect", ["r": .integer(195)])
        == ["r: 195 leaves too few of the 196 patch tokens; at most 194 can go"])
    #expect(
      try problems("tail_effect", ["r": .integer(9), "layer": .integer(12)])
        == ["layer: block 12 does not exist; the model's 12 blocks are 0 to 11"])
    #expect(
      try problems("tail_effect", ["r": .integer(9), "layer": .string("120%")])
        == [
          "layer: \"120%\" is not a layer; it must be a block from 0 to 11, or a percentage from "
            + "\"0%\" to below \"100%\""
        ])
    #expect(
      try problems("evit", ["keep_rate": .integer(0)])
        == ["keep_rate: 0 is out of range; it must be a number above 0 up to 1"])
    #expect(
      try problems(
        "evit", ["keep_rate": .number(0.5), "layers": .array([.integer(3), .integer(3)])])
        == ["layers: names a block twice: [3, 3]"])
    #expect(try problems("topk", [:]) == ["r: is missing; it must be a whole number from 0"])
    #expect(
      try problems("topk", ["r": .string("8")])
        == ["r: \"8\" has the wrong type; it must be a whole number from 0"])
    #expect(
      try problems(
        "tail_effect",
        ["r": .integer(9), "feature": .string("none"), "attention": .boolean(false)])
        == [
          "feature: \"none\" with \"attention\": false leaves no score; keep one of the two terms"
        ])
    #expect(
      try problems(
        "compose",
        ["score": .string("key_similarity"), "disposal": .string("drop"), "r": .integer(4)])
        == ["disposal: \"key_similarity\" chooses pairs; it goes with \"merge\" alone"])
    // Several errors at once.
    #expect(
      try problems("evit", ["keep_rate": .integer(2), "fused_token": .integer(1)]).count == 2)
  }
}
