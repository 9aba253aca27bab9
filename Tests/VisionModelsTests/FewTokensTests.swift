import CPUBackend
import Foundation
import Testing
import TokenReduction
import VisionModels

/// Latency where tokens are few: a staircase tool must not make a step of its own.
@Suite struct FewTokensTests {
  /// A pass of DeiT-S's width over 17 tokens, of which `removed` go in front of the first product.
  private func runner(removing removed: Int) throws -> PassRunner {
    let sizes = ViTArchitecture(
      imageSize: 64, patchSize: 16, embedDim: 384, depth: 4, numHeads: 6, numClasses: 10)
    let model = try sizes.load(weights: .random(seed: 1), backend: CPUBackend(threads: 1))
    let composition = try TokenReductionRegistry.composition(
      for: removed == 0
        ? .init(name: "none", parameters: [:])
        : .init(name: "random", parameters: ["r": .integer(removed)]),
      geometry: model.info.tokens)
    return try PassRunner(model: model, composition: composition, batchSize: 1)
  }

  /// The fewest seconds of one of many passes of each, taken in turn: what others do on the machine
  /// only ever adds.
  private func fastest(_ runners: [PassRunner], rounds: Int) -> [Double] {
    var fastest = runners.map { _ in Double.infinity }
    for _ in 0..<rounds {
      for (index, runner) in runners.enumerated() {
        let start = ContinuousClock.now
        runner.run()
        let taken = (ContinuousClock.now - start).components
        fastest[index] = min(
          fastest[index], Double(taken.seconds) + Double(taken.attoseconds) / 1e18)
      }
    }
    return fastest
  }

  /// A tile of AVX-512 has 14 rows; with fewer tokens one tile alone fetches the weights, and once
  /// took a quarter longer than 17 tokens did.
  @Test func `fewer tokens than a tile has rows take no longer than more`() throws {
    let runners = try [0, 3, 4, 6, 9].map(runner(removing:))
    var worst = Double.infinity
    for _ in 0..<6 where worst > 1.08 {
      let seconds = fastest(runners, rounds: 25)
      worst = min(worst, seconds.dropFirst().map { $0 / seconds[0] }.max() ?? .infinity)
    }
    #expect(worst <= 1.08, "fewer tokens took \(worst) times as long as 17")
  }
}
