import Records
import Testing
import TokenReduction

@testable import CPUBackend
@testable import VisionModels

/// Worked by hand on one class token and six patches: tokens 0 and 1 … 6, patches 0 … 5.
@Suite struct TokenTraceTests {
  private static let geometry = TokenGeometry(tokens: 7, prefixTokens: 1, depth: 4)

  private static func step(_ block: Int, _ tokensIn: Int, _ tokensOut: Int) -> ReductionStep {
    ReductionStep(
      block: block, position: .insideBlock, tokensIn: tokensIn, tokensOut: tokensOut)
  }

  @Test func `dropped patches stay dropped, and kept ones are found after moving`() {
    var trace = TokenTrace(geometry: Self.geometry, disposal: Drop())
    // Kept in descending score: patches 4, 0, 2, 5.
    trace.apply(
      Self.step(0, 7, 5), offsets: [0, 1, 2, 3, 4, 5], sources: [0, 5, 1, 3, 6, 2, 4])
    #expect(trace.stages[0].fates == [.kept, .dropped, .kept, .dropped, .kept, .kept])
    // Of those, tokens 2 and 4 are kept: patches 0 and 5.
    trace.apply(Self.step(1, 5, 3), offsets: [0, 1, 2, 3], sources: [0, 4, 2, 1, 3])
    #expect(trace.stages[1].fates == [.kept, .dropped, .dropped, .dropped, .dropped, .kept])
    #expect(trace.stages.map(\.step.tokensOut) == [5, 3])
  }

  @Test func `the patches of a fused token stay fused, whether it is kept or fused again`() {
    var trace = TokenTrace(geometry: Self.geometry, disposal: FuseScoreSum())
    // Patches 3, 1, 0 are kept, and 2, 4, 5 fused into token 4.
    trace.apply(
      Self.step(1, 7, 5), offsets: [0, 1, 2, 3, 4, 7], sources: [0, 4, 2, 1, 3, 5, 6])
    #expect(trace.stages[0].fates == [.kept, .kept, .fused, .kept, .fused, .fused])
    // The fused token is kept, patch 1 too; patches 3 and 0 are fused into another one.
    var kept = trace
    kept.apply(Self.step(2, 5, 4), offsets: [0, 1, 2, 3, 5], sources: [0, 4, 2, 1, 3])
    #expect(kept.stages[1].fates == [.fused, .kept, .fused, .fused, .fused, .fused])
    // The fused token is fused again, with patch 0.
    trace.apply(Self.step(2, 5, 4), offsets: [0, 1, 2, 3, 5], sources: [0, 1, 2, 3, 4])
    #expect(trace.stages[1].fates == [.fused, .kept, .fused, .kept, .fused, .fused])
  }

  @Test func `merged groups grow and join and are numbered by their first patch`() {
    var trace = TokenTrace(geometry: Self.geometry, disposal: MergePairs())
    // Patch 2 joins patch 1, patch 4 joins patch 5.
    trace.apply(
      Self.step(0, 7, 5), offsets: [0, 1, 2, 3, 5, 7], sources: [0, 1, 4, 2, 3, 6, 5])
    #expect(
      trace.stages[0].fates
        == [
          .kept, .merged(group: 1), .merged(group: 1), .kept, .merged(group: 4), .merged(group: 4),
        ])
    // Tokens are now class, {0}, {3}, {1, 2}, {4, 5}: the pairs become one, and 0 joins 3.
    trace.apply(Self.step(1, 5, 3), offsets: [0, 1, 3, 5], sources: [0, 2, 1, 4, 3])
    #expect(
      trace.stages[1].fates
        == [
          .merged(group: 0), .merged(group: 1), .merged(group: 1), .merged(group: 0),
          .merged(group: 1), .merged(group: 1),
        ])
  }

  @Test(arguments: [
    MethodSetting(name: "random", parameters: ["r": .integer(5)]),
    MethodSetting(name: "topk", parameters: ["r": .integer(2)]),
    MethodSetting(name: "tome", parameters: ["r": .integer(3)]),
    MethodSetting(name: "evit", parameters: ["keep_rate": .number(0.6)]),
    MethodSetting(name: "tail_effect", parameters: ["r": .integer(6)]),
  ])
  func `a traced pass accounts for every patch and every token`(_ method: MethodSetting) throws {
    let architecture = ViTArchitecture(
      imageSize: 32, patchSize: 8, embedDim: 32, depth: 4, numHeads: 2, numClasses: 5)
    let model = try architecture.load(
      weights: .random(seed: 3), backend: try CPUBackend(threads: 1))
    let resolved = try TokenReductionRegistry.resolve(
      method: try #require(TokenReductionRegistry.method(named: method.name)),
      parameters: method.parameters, geometry: architecture.info.tokens)
    let pass = try PassRunner(
      model: model,
      composition: try TokenReductionRegistry.composition(
        for: resolved, geometry: architecture.info.tokens), batchSize: 1)
    for index in pass.input.indices { pass.input[index] = Float(index * 37 % 101) / 50 - 1 }
    pass.run()
    let plain = Array(pass.logits)
    let trace = pass.runTracing()
    #expect(Array(pass.logits) == plain)
    #expect(trace.stages.map(\.step) == pass.composition.steps)
    #expect(!trace.stages.isEmpty)
    for stage in trace.stages {
      var groups: Set<TokenTrace.Fate> = []
      var kept = 0
      var fused = 0
      for fate in stage.fates {
        switch fate {
        case .kept: kept += 1
        case .merged: groups.insert(fate)
        case .fused: fused += 1
        case .dropped: break
        }
      }
      let patchTokens = stage.step.tokensOut - architecture.prefixTokens
      // Fused patches belong to one token, or to several after several reductions.
      if fused == 0 {
        #expect(kept + groups.count == patchTokens)
      } else {
        #expect(kept < patchTokens && kept + fused == architecture.patches)
      }
    }
  }
}
