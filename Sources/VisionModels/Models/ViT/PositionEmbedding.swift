import Foundation

/// Brings a position embedding to another grid, bicubic.
package enum PositionEmbedding {
  /// The grid part of an embedding, resampled to `rows` × `columns`.
  ///
  /// Shapes: `values` [side · side, width] row-major, result [rows · columns, width]. Edge cases:
  /// the same grid is copied. Sums are in double precision. Source: `resample_abs_pos_embed` of
  /// timm (antialias, a = -0.5); `interpolate_pos_encoding` of DINOv2 (a = -0.75, scale `side /
  /// (target + 0.1)`) and of transformers' Dinov2 (a = -0.75, scale `side / target`).
  package static func resample(
    _ values: [Float], side: Int, width: Int, rows: Int, columns: Int,
    interpolation: ViTArchitecture.PositionInterpolation
  ) -> [Float] {
    if side == rows, side == columns { return values }
    let vertical = taps(from: side, to: rows, interpolation)
    let horizontal = taps(from: side, to: columns, interpolation)
    var result = [Float](repeating: 0, count: rows * columns * width)
    var line = [Double](repeating: 0, count: width)
    // Horizontal first, as both libraries do; the order changes only rounding.
    var narrowed = [Double](repeating: 0, count: side * columns * width)
    for y in 0..<side {
      for x in 0..<columns {
        for c in 0..<width { line[c] = 0 }
        for (source, weight) in horizontal[x] {
          for c in 0..<width { line[c] += weight * Double(values[(y * side + source) * width + c]) }
        }
        for c in 0..<width { narrowed[(y * columns + x) * width + c] = line[c] }
      }
    }
    for y in 0..<rows {
      for x in 0..<columns {
        for c in 0..<width { line[c] = 0 }
        for (source, weight) in vertical[y] {
          for c in 0..<width { line[c] += weight * narrowed[(source * columns + x) * width + c] }
        }
        for c in 0..<width { result[(y * columns + x) * width + c] = Float(line[c]) }
      }
    }
    return result
  }

  private static func taps(
    from input: Int, to output: Int, _ interpolation: ViTArchitecture.PositionInterpolation
  ) -> [[(source: Int, weight: Double)]] {
    switch interpolation {
    case .timm: antialiasedTaps(from: input, to: output)
    case .dinov2: plainTaps(from: input, scale: Double(input) / (Double(output) + 0.1), to: output)
    case .huggingFace: plainTaps(from: input, scale: Double(input) / Double(output), to: output)
    }
  }

  /// Keys' kernel (a = -0.5), widened by the scale when shrinking; weights normalized.
  private static func antialiasedTaps(from input: Int, to output: Int) -> [[(Int, Double)]] {
    let scale = Double(input) / Double(output)
    let stretch = max(1, scale)
    let support = 2 * stretch
    return (0..<output).map { i in
      let center = (Double(i) + 0.5) * scale
      let first = max(0, Int(center - support + 0.5))
      let last = min(input, Int(center + support + 0.5))
      let weights = (first..<last).map { cubic((Double($0) - center + 0.5) / stretch, a: -0.5) }
      let sum = weights.reduce(0, +)
      return zip(first..<last, weights).map { ($0, $1 / sum) }
    }
  }

  /// Four taps of a = -0.75 with clamped borders.
  private static func plainTaps(from input: Int, scale: Double, to output: Int) -> [[(Int, Double)]]
  {
    (0..<output).map { i in
      let position = (Double(i) + 0.5) * scale - 0.5
      let floor = position.rounded(.down)
      return (-1...2).map { offset in
        let source = min(max(Int(floor) + offset, 0), input - 1)
        return (source, cubic(position - floor - Double(offset), a: -0.75))
      }
    }
  }

  /// Keys, "Cubic convolution interpolation for digital image processing",
  /// doi:10.1109/TASSP.1981.1163711.
  private static func cubic(_ x: Double, a: Double) -> Double {
    let t = abs(x)
    if t < 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
    if t < 2 { return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a }
    return 0
  }
}
