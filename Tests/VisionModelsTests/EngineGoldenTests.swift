import CPUBackend
import Goldens
import Tensors
import Testing
import _TestSupport

/// The stored passes with every engine and precision of the CPU.
@Suite struct EngineGoldenTests {
  static let blas = try? EngineChoice.blas()

  @Test(.enabled(if: blas != nil, "no BLAS is installed"), arguments: GoldenCase.all)
  func `the blas engine gives the published logits and tokens`(golden: GoldenCase) throws {
    let backend = try CPUBackend(threads: 2, engines: try #require(Self.blas))
    #expect(backend.engine == "blas")
    let comparison = try PassComparison(golden, GoldenRun(golden, backend: backend))
    #expect(comparison.isGood(.float32), "\(comparison.text)")
  }

  /// Cases that store the kept tokens, so that images with different tokens are known.
  private static let watched = GoldenCase.all.filter(\.recordsKeptTokens)

  @Test(arguments: watched, [Precision.bfloat16, .int8])
  func `a lower precision gives the published logits within its precision`(
    golden: GoldenCase, precision: Precision
  ) throws {
    let backend = try CPUBackend(threads: 2).computing(at: precision)
    let comparison = try PassComparison(golden, GoldenRun(golden, backend: backend))
    #expect(comparison.isGood(precision), "\(comparison.text)")
    #expect(comparison.relative > 1e-5, "nothing was rounded")
    // Also if every image has kept different tokens.
    #expect(comparison.relative < 0.5, "\(comparison.text)")
  }

  /// With random weights, most scores are nearly tied.
  ///
  /// Without this test, every comparison above could be of images that kept different tokens, or
  /// the same in another order.
  @Test(arguments: [(Precision.bfloat16, 40), (.int8, 20)])
  func `enough images keep the published tokens to be compared`(
    precision: Precision, minimum: Int
  ) throws {
    let backend = try CPUBackend(threads: 2).computing(at: precision)
    let same = try Self.watched.reduce(0) { count, golden in
      let comparison = try PassComparison(golden, GoldenRun(golden, backend: backend))
      return count + comparison.images - comparison.differingImages.count
    }
    #expect(same >= minimum)
  }

  @Test(arguments: [Precision.float32, .bfloat16, .int8])
  func `the number of threads does not change any bit`(precision: Precision) throws {
    let golden = try #require(GoldenCase.all.first { $0.name.hasPrefix("vit_micro__none") })
    let logits = try [1, 2, 3, 8].map {
      try GoldenRun(
        golden, backend: CPUBackend(threads: $0).computing(at: precision), batchSize: nil
      ).logits
    }
    for other in logits.dropFirst() { #expect(other == logits[0]) }
  }
}
