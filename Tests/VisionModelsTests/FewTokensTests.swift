import CPUBackend
import Foundation
import Testing
import TokenReduction
import VisionModels

/// Latency with few tokens: our kernels must not cause a step of their own.
@Suite struct FewTokensTests {
  /// A pass with DeiT-S's width over 17 tokens, of which `removed` are removed before the first
  /// GEMM.
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

  /// The minimum time of many interleaved passes of each, because other programs can only add time.
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

  /// An AVX-512 tile has 14 rows.
  ///
  /// With fewer tokens a single tile prefetches the weights, which once took a quarter longer than
  /// 17 tokens.
  @Test func `fewer tokens than the rows of a tile are not slower than more`() throws {
    let runners = try [0, 3, 4, 6, 9].map(runner(removing:))
    var worst = Double.infinity
    for _ in 0..<6 where worst > 1.08 {
      let seconds = fastest(runners, rounds: 25)
      worst = min(worst, seconds.dropFirst().map { $0 / seconds[0] }.max() ?? .infinity)
    }
    #expect(worst <= 1.08, "fewer tokens took \(worst) times as long as 17")
  }
}
