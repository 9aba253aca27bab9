import Testing
import _TestSupport

/// Kernels of rows.cu against double precision.
@Suite struct RowTests {
  /// Widths for two, four and eight register groups, and for rows that have none.
  static let widths = [64, 384, 768, 1536, 30, 2056]

  @Test(arguments: widths, Precision.allCases)
  func `a layer norm is the reference's`(width: Int, precision: Precision) throws {
    let x = randomFloats(5 * width, seed: 1).map { precision.rounded(3 * $0 + 1) }
    let (weight, bias) = (randomFloats(width, seed: 2), randomFloats(width, seed: 3))
    let output = Buffer(count: 5 * width, precision)
    try launch(
      "layer_norm_\(precision)", grid: (2, 1, 1), block: 128, order: .shuffled,
      .buffer(Buffer(x, precision)), .buffer(Buffer(weight)), .buffer(Buffer(bias)), .float(1e-6),
      .int(5), .int(width), .buffer(output))
    let expected = ReferenceOps.layerNorm(x, weight, bias, epsilon: 1e-6)
    #expect(largestDifference(output.values, expected) < max(2e-6, 4 * precision.epsilon))
  }
}
