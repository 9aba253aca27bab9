import CPUBackend
import Foundation
import Records
import Tensors
import Testing
import VisionModels
import _TestSupport

@testable import TokenReduction

/// The method and the score in CONTRIBUTING.md are those that these tests compile and run.
@Suite struct ContributingTests {
  @Test(arguments: ["SingleTopK.swift", "KeyLengthScore.swift"])
  func `the page's examples are the tested code`(name: String) throws {
    #expect(try ContributingPage.shows(name, of: #filePath))
  }

  @Test func `the example removes as many tokens as promised`() throws {
    let geometry = TokenGeometry(tokens: 197, prefixTokens: 1, depth: 12)
    let setting = try TokenReductionRegistry.resolve(
      method: SingleTopK.self, parameters: ["r": .integer(49)], geometry: geometry)
    #expect(setting.parameters == ["r": .integer(49), "layer": .integer(3)])
    let composition = try SingleTopK.composition(
      ParameterValues(values: setting.parameters), geometry)
    #expect(composition.tokensAfterBlocks == [197, 197, 197] + Array(repeating: 148, count: 9))
  }

  @Test func `the example meets the contract of registered methods`() throws {
    let geometry = TokenGeometry(tokens: 37, prefixTokens: 1, depth: 4)
    for (parameters, expected): ([String: JSONValue], [Int]) in [
      (["tokens": .array([37, 30, 24, 20].map { .integer($0) })], [37, 30, 24, 20]),
      (["schedule": .string("progressive"), "r": .integer(3)], [34, 31, 28, 25]),
    ] {
      let setting = try TokenReductionRegistry.resolve(
        method: SingleTopK.self, parameters: parameters, geometry: geometry)
      let composition = try SingleTopK.composition(
        ParameterValues(values: setting.parameters), geometry)
      #expect(composition.tokensAfterBlocks == expected)
      #expect(SingleTopK.needs.readsAttention == composition.inputs.readsAttention)
      #expect(SingleTopK.needs.sizesInAttention == composition.proportionalAttention)
    }
  }

  @Test func `the example score runs in a pass and keeps the longest keys`() throws {
    let a = ViTArchitecture(
      imageSize: 48, patchSize: 8, embedDim: 32, depth: 2, numHeads: 2, numClasses: 7)
    let model = try a.load(weights: .random(seed: 5), backend: CPUBackend(threads: 2))
    let pass = try PassRunner(
      model: model,
      composition: Composition(
        score: KeyLengthScore(), disposal: Drop(),
        steps: Schedule.single(r: 10, block: 1, position: .insideBlock, a.info.tokens),
        geometry: a.info.tokens), batchSize: 2)
    for (place, value) in randomFloats(pass.input.count, seed: 3).enumerated() {
      pass.input[place] = 20 * value
    }
    var steps = 0
    pass.onReduction = { event in
      guard let scores = event.scores else { return }
      steps += 1
      for image in 0..<2 {
        let row = (0..<37).map { scores.floats[image * 37 + $0] }
        let best = (1..<37).sorted { row[$0] > row[$1] || row[$0] == row[$1] && $0 < $1 }
        let kept = (1..<27).map { Int(event.assignment.sources.integers[image * 37 + $0]) }
        #expect(kept == Array(best.prefix(26)))
        #expect(Set(row.dropFirst()).count > 30)
      }
    }
    pass.run()
    #expect(steps == 1)
  }
}
