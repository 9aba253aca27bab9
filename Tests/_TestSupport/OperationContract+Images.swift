import Foundation
import Tensors

/// Operations on images and on heads: odd sizes, channels and tokens within wider tensors, and NaN
/// that must stay within its image.
extension OperationContract {
  static let onImages: [OperationContract] =
    convolutions + poolings + [globalPooling, gather] + attentions + linearAttentions

  // MARK: Pixels

  private static let convolutions: [OperationContract] = [
    ("dense", ConvolutionExtent(inputs: 5, outputs: 33, kernel: 3), 9, 7),
    ("dense, stride 2", ConvolutionExtent(inputs: 20, outputs: 9, kernel: 3, stride: 2), 11, 8),
    ("pointwise", ConvolutionExtent(inputs: 40, outputs: 17, kernel: 1), 5, 7),
    (
      "of patches, no padding",
      ConvolutionExtent(inputs: 3, outputs: 8, kernel: 4, stride: 4, padding: 0), 16, 12
    ),
    (
      "grouped, stride 2",
      ConvolutionExtent(inputs: 12, outputs: 30, kernel: 3, stride: 2, groups: 3), 11, 7
    ),
    ("depthwise", ConvolutionExtent(inputs: 19, outputs: 19, kernel: 5, groups: 19), 9, 7),
    (
      "depthwise, stride 2",
      ConvolutionExtent(inputs: 19, outputs: 19, kernel: 3, stride: 2, groups: 19), 8, 9
    ),
  ].map { name, extent, height, width in
    OperationContract(
      description: "convolution, \(name)",
      kind: extent.groups == extent.inputs ? .depthwiseConvolution : .convolution
    ) { try checkConvolution($0, extent, height, width) }
  }

  private static func checkConvolution(
    _ backend: any Backend, _ extent: ConvolutionExtent, _ height: Int, _ width: Int
  ) throws -> [String] {
    let shape = PictureShape(
      images: 2, height, width, channels: extent.inputs, out: extent.outputs,
      kernel: extent.kernel, stride: extent.stride, padding: extent.padding,
      groups: extent.groups)
    let weight = randomFloats(extent.weightCount, seed: 1)
    let bias = randomFloats(extent.outputs, seed: 2)
    let x = randomFloats(2 * height * width * extent.inputs, seed: 3)
    let added = randomFloats(shape.outPixels * extent.outputs, seed: 4)
    let convolution = try weight.withUnsafeBufferPointer { weight in
      try bias.withUnsafeBufferPointer {
        try backend.makeConvolution(weight: weight, bias: $0, extent)
      }
    }
    let residual = TensorView(
      try backend.tensor(added, Shape(shape.outPixels, extent.outputs)))
    let expected = zip(ReferenceOps.convolution(x, weight, bias, shape), added).map {
      ReferenceOps.silu($0) + Double($1)
    }
    return try checkImages(backend, x, expected) { x in
      let input = try Wide(backend, x, rows: 2 * height * width)
      let output = try Wide(backend, rows: shape.outPixels, width: extent.outputs)
      backend.convolve(
        input.map(batch: 2, height, width), convolution, Epilogue(.silu, residual: residual),
        into: output.map(batch: 2, shape.outHeight, shape.outWidth))
      return try output.values(backend)
    }
  }

  private static let poolings: [OperationContract] = [
    Pooling(.maximum, window: 3, stride: 2, padding: 1),
    Pooling(.maximum, window: 2, stride: 2),
    Pooling(.average, window: 3, stride: 2, padding: 1),
    Pooling(.average, window: 3, stride: 1, padding: 1, countsPadding: false),
  ].map { pooling in
    OperationContract(description: "\(pooling)", kind: .pooling) { backend in
      let (height, width, channels) = (8, 11, 19)
      let shape = PictureShape(
        images: 2, height, width, channels: channels, out: channels, kernel: pooling.window,
        stride: pooling.stride, padding: pooling.padding)
      let x = randomFloats(2 * height * width * channels, seed: 1)
      let expected = (0..<shape.outPixels).flatMap { pixel -> [Double] in
        let (row, column) = (pixel / shape.outWidth, pixel % shape.outWidth)
        let image = row / shape.outHeight
        let taps = shape.taps(row % shape.outHeight, column)
        let count = pooling.countsPadding ? pooling.window * pooling.window : taps.count
        return (0..<channels).map { channel in
          let seen = taps.map { tap in
            Double(x[((image * height + tap.row) * width + tap.column) * channels + channel])
          }
          return pooling.kind == .maximum
            ? seen.max() ?? 0 : seen.reduce(0, +) / Double(count)
        }
      }
      return try checkImages(backend, x, expected) { x in
        let input = try Wide(backend, x, rows: 2 * height * width)
        let output = try Wide(backend, rows: shape.outPixels, width: channels)
        backend.pool(
          input.map(batch: 2, height, width), pooling,
          into: output.map(batch: 2, shape.outHeight, shape.outWidth))
        return try output.values(backend)
      }
    }
  }

  private static let globalPooling = OperationContract(
    description: "mean over all pixels", kind: .pooling
  ) { backend in
    let (height, width, channels) = (7, 9, 21)
    let x = randomFloats(2 * height * width * channels, seed: 1)
    let expected = (0..<(2 * channels)).map { index in
      (0..<(height * width)).reduce(0.0) {
        $0 + Double(x[(index / channels * height * width + $1) * channels + index % channels])
      } / Double(height * width)
    }
    return try checkImages(backend, x, expected) { x in
      let input = try Wide(backend, x, rows: 2 * height * width)
      let output = try Wide(backend, rows: 2, width: channels)
      backend.globalAveragePool(input.map(batch: 2, height, width), into: output.view)
      return try output.values(backend)
    }
  }

  private static let gather = OperationContract(description: "gather", kind: .copy) { backend in
    let (tokens, width) = (23, 37)
    let x = randomFloats(2 * tokens * width, seed: 1)
    // Includes the first token of the first image, and one token twice.
    let chosen: [Int32] = [22, 0, 7, 7, 1, 3, 22, 0, 11, 5]
    let expected = chosen.enumerated().flatMap { place, token in
      (0..<width).map {
        Double(x[(place / 5 * tokens + Int(token)) * width + $0])
      }
    }
    let indices = try backend.allocate(Shape(2, 5), .int32)
    chosen.withUnsafeBufferPointer { backend.upload($0, to: indices) }
    return try checkImages(backend, x, expected) { x in
      let input = try Wide(backend, x, rows: 2 * tokens)
      let output = try Wide(backend, rows: 10, width: width)
      backend.gather(input.view, indices, into: output.view)
      return try output.values(backend)
    }
  }

  // MARK: Heads

  private static let attentions: [OperationContract] = [
    (TokenGrouping.all, 37, false), (.all, 49, true),
    (.windows(height: 8, width: 12, window: 4, shift: 0), 96, true),
    (.windows(height: 8, width: 12, window: 4, shift: 1), 96, true),
    (.interleaved(height: 6, width: 10, patch: 2), 60, false),
  ].map { grouping, tokens, hasBias in
    OperationContract(
      description: "attention of \(tokens) tokens, \(grouping), \(hasBias ? "with" : "no") bias",
      kind: .attention
    ) { try checkAttention($0, grouping, tokens, hasBias) }
  }

  private static func checkAttention(
    _ backend: any Backend, _ grouping: TokenGrouping, _ tokens: Int, _ hasBias: Bool
  ) throws -> [String] {
    let (heads, d) = (3, 8)
    let row = 3 * heads * d
    let qkv = randomFloats(2 * tokens * row, seed: 1)
    let count = grouping.tokensPerGroup(tokens: tokens)
    let biases = randomFloats(heads * count * count, seed: 2)
    let bias = hasBias ? try backend.tensor(biases, Shape(heads, count, count)) : nil
    let expected = ReferenceOps.groupedAttention(
      qkv: qkv, batch: 2, tokens: tokens, heads: heads, headDim: d, scale: 0.4, grouping,
      bias: hasBias ? biases : nil)
    // A key of the first token.
    return try checkImages(backend, qkv, expected, bad: heads * d) { qkv in
      let input = try Wide(backend, qkv, rows: 2 * tokens)
      let output = try Wide(backend, rows: 2 * tokens, width: heads * d)
      backend.attention(
        AttentionOperands(
          queries: input.heads(heads, d), keys: input.heads(heads, d, from: heads * d),
          values: input.heads(heads, d, from: 2 * heads * d), output: output.heads(heads, d),
          scale: 0.4, grouping: grouping, bias: bias))
      return try output.values(backend)
    }
  }

  private static let linearAttentions: [OperationContract] = [
    (70, 2, 8, 12, false), (9, 3, 5, 5, false), (33, 2, 8, 8, true),
  ].map { tokens, heads, d, e, isReduced in
    OperationContract(
      description: "\(isReduced ? "reduced" : "ReLU") attention of \(tokens) tokens",
      kind: isReduced ? .reducedAttention : .linearAttention
    ) { try checkLinearAttention($0, tokens, heads, d, e, isReduced) }
  }

  private static func checkLinearAttention(
    _ backend: any Backend, _ tokens: Int, _ heads: Int, _ d: Int, _ e: Int, _ isReduced: Bool
  ) throws -> [String] {
    let row = heads * (2 * d + e)
    let qkv = randomFloats(2 * tokens * row, seed: 1)
    let expected = (0..<(2 * tokens * heads)).flatMap { item -> [Double] in
      let (head, token, image) = (item % heads, item / heads % tokens, item / heads / tokens)
      func number(_ token: Int, _ at: Int) -> Double {
        Double(qkv[(image * tokens + token) * row + at])
      }
      let query = (0..<d).map { max(number(token, head * d + $0), 0) }
      func key(_ token: Int, _ c: Int) -> Double {
        max(number(token, (heads + head) * d + c), 0)
      }
      func sum(_ c: Int, _ v: Int) -> Double {
        (0..<tokens).reduce(0.0) {
          $0 + key($1, c) * number($1, 2 * heads * d + head * e + v)
        }
      }
      let total = (0..<d).reduce(0.0) { total, c in
        total + query[c] * (0..<tokens).reduce(0.0) { $0 + key($1, c) }
      }
      return (0..<e).map { v in
        isReduced
          ? query[v] * sum(v, v) / max(total, 1e-5)
          : (0..<d).reduce(0.0) { $0 + query[$1] * sum($1, v) } / (total + 1e-5)
      }
    }
    // A value of the first token.
    return try checkImages(backend, qkv, expected, bad: 2 * heads * d) { qkv in
      let input = try Wide(backend, qkv, rows: 2 * tokens)
      let output = try Wide(backend, rows: 2 * tokens, width: heads * e)
      let (queries, keys) = (input.heads(heads, d), input.heads(heads, d, from: heads * d))
      let values = input.heads(heads, e, from: 2 * heads * d)
      if isReduced {
        backend.reducedAttention(
          queries: queries, keys: keys, values: values, epsilon: 1e-5,
          into: output.heads(heads, e))
      } else {
        backend.linearAttention(
          queries: queries, keys: keys, values: values, epsilon: 1e-5,
          into: output.heads(heads, e))
      }
      return try output.values(backend)
    }
  }

  // MARK: Images

  /// Rows of two images in the middle of a wider tensor.
  private struct Wide {
    private static let (before, after) = (1, 4)
    private let tensor: Tensor
    private let rows: Int
    private let width: Int

    /// Rows with these values.
    init(_ backend: any Backend, _ values: [Float], rows: Int) throws {
      self.rows = rows
      width = values.count / rows
      let stride = width + Self.before + Self.after
      var wide = [Float](repeating: 7, count: rows * stride)
      for index in values.indices {
        wide[index / width * stride + Self.before + index % width] = values[index]
      }
      tensor = try backend.tensor(wide, Shape(rows, stride))
    }

    /// Rows to write to.
    init(_ backend: any Backend, rows: Int, width: Int) throws {
      try self.init(backend, [Float](repeating: 7, count: rows * width), rows: rows)
    }

    private var stride: Int { width + Self.before + Self.after }

    var view: TensorView {
      TensorView(tensor).columns(Self.before..<(Self.before + width))
    }

    func map(batch: Int, _ height: Int, _ width: Int) -> FeatureMap {
      FeatureMap(
        tensor, offset: Self.before, batch: batch, height: height, width: width,
        channels: self.width, pixelStride: stride)
    }

    func heads(_ heads: Int, _ headDim: Int, from first: Int = 0) -> HeadView {
      HeadView(
        tensor, offset: Self.before + first, batch: 2, tokens: rows / 2, heads: heads,
        headDim: headDim, tokenStride: stride)
    }

    /// The values of the rows; all NaN if anything was written outside of them.
    func values(_ backend: any Backend) throws -> [Float] {
      backend.synchronize()
      try backend.check()
      let wide = backend.values(tensor)
      let isIntact = (0..<rows).allSatisfy { row in
        wide[row * stride] == 7
          && wide[((row + 1) * stride - Self.after)..<((row + 1) * stride)].allSatisfy { $0 == 7 }
      }
      return (0..<(rows * width)).map {
        isIntact ? wide[$0 / width * stride + Self.before + $0 % width] : .nan
      }
    }
  }

  /// Runs an operation on two images, once unchanged and once with NaN in the first one.
  ///
  /// - Parameters:
  ///   - expected: The results of the first image, then those of the second.
  ///   - bad: The index of the value that becomes NaN; every result that depends on it must be NaN.
  private static func checkImages(
    _ backend: any Backend, _ values: [Float], _ expected: [Double], bad: Int = 0,
    _ run: (_ values: [Float]) throws -> [Float]
  ) throws -> [String] {
    let tolerance =
      backend.precision.tolerance * max(1, expected.reduce(0) { max($0, abs($1)) })
    var failures: [String] = []
    for isBad in [false, true] {
      var own = values
      if isBad { own[bad] = .nan }
      let found = try run(own)
      let second = expected.count / 2
      let worst = largestDifference(
        found.dropFirst(isBad ? second : 0), Array(expected.dropFirst(isBad ? second : 0)))
      if !(worst <= tolerance) {
        failures.append(
          "\(isBad ? "after an image of NaN, " : "")off by \(worst), allowed are "
            + "\(tolerance)")
      }
      if isBad, found[..<second].allSatisfy(\.isFinite) {
        failures.append("what is no number became one")
      }
    }
    return failures
  }
}
