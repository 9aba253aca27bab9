import CFakeCUDA
import Foundation
import Tensors
import Testing
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// The operations on pictures and views against plain loops in double precision, in each
  /// precision of the card.
  @Suite(.serialized) struct PicturesOnCard {
    init() { FakeMachine.reset() }

    static let precisions: [(Precision, Double)] = [
      (.float32, 2e-5), (.float16, 4e-3), (.bfloat16, 3e-2),
    ]

    /// A backend, and numbers as its activations hold them.
    private struct Card {
      let backend: CUDABackend
      let limit: Double

      init(_ precision: Precision, _ limit: Double) throws {
        backend = try #require(
          try FakeMachine.backend().computing(at: precision) as? CUDABackend)
        self.limit = limit
      }

      func rounded(_ values: [Float]) -> [Float] {
        switch backend.activationType {
        case .float16: values.map { Float(Float16($0)) }
        case .bfloat16:
          values.map {
            let bits = $0.bitPattern
            return Float(bitPattern: (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
          }
        default: values
        }
      }

      func numbers(_ count: Int, seed: UInt64) -> [Float] {
        rounded(randomFloats(count, seed: seed))
      }

      func tensor(_ values: [Float], _ shape: Shape) throws -> Tensor {
        let tensor = try backend.allocate(shape, backend.activationType)
        values.withUnsafeBufferPointer { backend.upload($0, to: tensor) }
        return tensor
      }

      func plain(_ values: [Float]) throws -> Tensor {
        let tensor = try backend.allocate(Shape(values.count), .float32)
        values.withUnsafeBufferPointer { backend.upload($0, to: tensor) }
        return tensor
      }

      func values(_ tensor: Tensor) throws -> [Float] {
        var values = [Float](repeating: 0, count: tensor.shape.count)
        values.withUnsafeMutableBufferPointer { backend.download(tensor, to: $0) }
        try backend.check()
        return values
      }

      /// Whether numbers are as near as the precision allows, over the largest of them.
      func expectNear(
        _ found: [Float], _ expected: [Double], _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation
      ) {
        let largest = max(1, expected.map(abs).max() ?? 1)
        #expect(
          largestDifference(found, expected) / largest < limit, "\(what)",
          sourceLocation: sourceLocation)
      }
    }

    @Test(arguments: precisions)
    func `a convolution reads and writes channels of wider pictures`(
      precision: Precision, limit: Double
    ) throws {
      let card = try Card(precision, limit)
      for (extent, side, first, extra) in [
        (ConvolutionExtent(inputs: 20, outputs: 33, kernel: 3, stride: 2), 11, 2, 5),
        (ConvolutionExtent(inputs: 20, outputs: 20, kernel: 5, groups: 20), 9, 2, 5),
        (ConvolutionExtent(inputs: 32, outputs: 48, kernel: 1, groups: 2), 6, 2, 5),
        (ConvolutionExtent(inputs: 40, outputs: 70, kernel: 1), 9, 0, 0),
        (ConvolutionExtent(inputs: 3, outputs: 8, kernel: 4, stride: 4, padding: 0), 16, 2, 5),
        // As tensor cores take it: channels and offsets in eights.
        (ConvolutionExtent(inputs: 24, outputs: 70, kernel: 3), 7, 8, 16),
        (ConvolutionExtent(inputs: 16, outputs: 9, kernel: 5, stride: 2), 9, 0, 0),
      ] {
        let shape = PictureShape(
          images: 2, side, side, channels: extent.inputs, out: extent.outputs,
          kernel: extent.kernel, stride: extent.stride, padding: extent.padding,
          groups: extent.groups)
        let weight = card.numbers(extent.weightCount, seed: 1)
        let bias = card.numbers(extent.outputs, seed: 2)
        let width = extent.inputs + extra
        let wide = card.numbers(2 * side * side * width, seed: 3)
        let added = card.numbers(shape.outPixels * extent.outputs, seed: 4)
        let convolution = try weight.withUnsafeBufferPointer { weight in
          try bias.withUnsafeBufferPointer {
            try card.backend.makeConvolution(weight: weight, bias: $0, extent)
          }
        }
        let input = try card.tensor(wide, Shape(2, side, side, width))
        let output = try card.tensor(
          [Float](repeating: 7, count: shape.outPixels * (extent.outputs + 3)),
          Shape(2, shape.outHeight, shape.outWidth, extent.outputs + 3))
        let residual = TensorView(try card.tensor(added, Shape(shape.outPixels, extent.outputs)))
        card.backend.convolve(
          FeatureMap(input).channels(first..<(first + extent.inputs)), convolution,
          Epilogue(.silu, residual: residual),
          into: FeatureMap(output).channels(1..<(1 + extent.outputs)))
        let dense = stride(from: 0, to: wide.count, by: width).flatMap {
          Array(wide[($0 + first)..<($0 + first + extent.inputs)])
        }
        let expected = zip(ReferenceOps.convolution(dense, weight, bias, shape), added).map {
          ReferenceOps.silu($0) + Double($1)
        }
        let values = try card.values(output)
        var own: [Float] = []
        for pixel in 0..<shape.outPixels {
          let first = pixel * (extent.outputs + 3)
          #expect(values[first] == 7)
          #expect(values[(first + 1 + extent.outputs)..<(first + 3 + extent.outputs)] == [7, 7])
          own += values[(first + 1)..<(first + 1 + extent.outputs)]
        }
        card.expectNear(own, expected, "\(shape)")
      }
    }

    @Test(arguments: precisions)
    func `a linear layer ends with any activation and any residual`(
      precision: Precision, limit: Double
    ) throws {
      let card = try Card(precision, limit)
      let rows = 21
      for (inputs, outputs) in [(24, 37), (20, 16)] {
        let x = card.numbers(rows * inputs, seed: 1)
        let weight = card.numbers(inputs * outputs, seed: 2)
        let bias = card.numbers(outputs, seed: 3)
        let added = card.numbers(rows * outputs, seed: 4)
        let linear = try weight.withUnsafeBufferPointer { weight in
          try bias.withUnsafeBufferPointer {
            try card.backend.makeLinear(
              weight: weight, bias: $0, inputs: inputs, outputs: outputs)
          }
        }
        let input = TensorView(try card.tensor(x, Shape(rows, inputs)))
        let sums = ReferenceOps.linear(x, weight, bias, inputs: inputs)
        for activation in Activation.allCases {
          for (isOwn, activatesSum) in [
            (false, false), (true, false), (false, true), (true, true),
          ] {
            let residual = TensorView(try card.tensor(added, Shape(rows, outputs)))
            let output =
              isOwn
              ? residual
              : TensorView(
                try card.backend.allocate(Shape(rows, outputs), card.backend.activationType))
            card.backend.linear(
              input, linear, Epilogue(activation, residual: residual, activatesSum: activatesSum),
              into: output)
            let expected = zip(sums, added).map { sum, added in
              activatesSum
                ? Self.value(activation, sum + Double(added))
                : Self.value(activation, sum) + Double(added)
            }
            card.expectNear(
              try card.values(output.tensor), expected, "\(activation), \(isOwn), \(activatesSum)")
          }
        }
      }
    }

    private static func value(_ activation: Activation, _ x: Double) -> Double {
      switch activation {
      case .identity: x
      case .relu: max(x, 0)
      case .gelu: ReferenceOps.gelu(x)
      case .silu: ReferenceOps.silu(x)
      case .sigmoid: ReferenceOps.sigmoid(x)
      case .hardswish: x * ReferenceOps.hardSigmoid(x)
      case .hardsigmoid: ReferenceOps.hardSigmoid(x)
      }
    }

    @Test(arguments: precisions)
    func `attention sees the tokens of its group`(precision: Precision, limit: Double) throws {
      let card = try Card(precision, limit)
      let (tokens, heads, d) = (64, 2, 8)
      let qkv = card.numbers(2 * tokens * 3 * heads * d, seed: 1)
      for (grouping, hasBias) in [
        (TokenGrouping.all, true), (.all, false),
        (.windows(height: 8, width: 8, window: 4, shift: 0), true),
        (.windows(height: 8, width: 8, window: 4, shift: 2), true),
        (.interleaved(height: 8, width: 8, patch: 2), false),
      ] {
        let count = grouping.tokensPerGroup(tokens: tokens)
        let biases = randomFloats(heads * count * count, seed: 2)
        let input = try card.tensor(qkv, Shape(2, tokens, 3 * heads * d))
        let output = try card.backend.allocate(
          Shape(2, tokens, heads * d), card.backend.activationType)
        card.backend.attention(
          AttentionOperands(
            queries: HeadView(input, part: .query, heads: heads),
            keys: HeadView(input, part: .key, heads: heads),
            values: HeadView(input, part: .value, heads: heads),
            output: HeadView(output, batch: 2, tokens: tokens, heads: heads, headDim: d),
            scale: 0.4, grouping: grouping,
            bias: hasBias ? try card.plain(biases) : nil))
        func number(_ image: Int, _ token: Int, _ part: Int, _ at: Int) -> Double {
          Double(qkv[((image * tokens + token) * 3 + part) * heads * d + at])
        }
        var expected = [Double](repeating: 0, count: 2 * tokens * heads * d)
        for image in 0..<2 {
          for group in 0..<grouping.groups(tokens: tokens) {
            for place in 0..<count {
              let token = grouping.token(group, place)
              let seen = (0..<count).filter {
                grouping.region(group, $0) == grouping.region(group, place)
              }
              for head in 0..<heads {
                let logits = seen.map { other in
                  (0..<d).reduce(
                    hasBias ? Double(biases[(head * count + place) * count + other]) : 0
                  ) {
                    let at = head * d + $1
                    return $0 + 0.4 * number(image, token, 0, at)
                      * number(image, grouping.token(group, other), 1, at)
                  }
                }
                let weights = ReferenceOps.softmax(logits)
                for at in (head * d)..<((head + 1) * d) {
                  expected[(image * tokens + token) * heads * d + at] = zip(weights, seen).reduce(
                    0.0
                  ) { $0 + $1.0 * number(image, grouping.token(group, $1.1), 2, at) }
                }
              }
            }
          }
        }
        card.expectNear(try card.values(output), expected, "\(grouping)")
      }
    }

    @Test(arguments: precisions)
    func `attention with ReLU is the reference's`(precision: Precision, limit: Double) throws {
      let card = try Card(precision, limit)
      for (tokens, heads, d, e) in [(70, 2, 8, 8), (9, 1, 5, 12)] {
        let row = heads * (2 * d + e) + 3
        let values = card.numbers(2 * tokens * row, seed: 1)
        let tensor = try card.tensor(values, Shape(2, tokens, row))
        func view(_ first: Int, _ dim: Int) -> HeadView {
          HeadView(
            tensor, offset: first, batch: 2, tokens: tokens, heads: heads, headDim: dim,
            tokenStride: row)
        }
        let output = try card.backend.allocate(
          Shape(2, tokens, heads * e), card.backend.activationType)
        card.backend.linearAttention(
          queries: view(0, d), keys: view(heads * d, d), values: view(2 * heads * d, e),
          epsilon: 1e-5,
          into: HeadView(output, batch: 2, tokens: tokens, heads: heads, headDim: e))
        var expected: [Double] = []
        for image in 0..<2 {
          func number(_ token: Int, _ at: Int) -> Double {
            Double(values[(image * tokens + token) * row + at])
          }
          for token in 0..<tokens {
            for head in 0..<heads {
              let query = (0..<d).map { max(number(token, head * d + $0), 0) }
              func key(_ token: Int, _ c: Int) -> Double {
                max(number(token, heads * d + head * d + c), 0)
              }
              let total = (0..<d).reduce(0.0) { sum, c in
                sum + query[c] * (0..<tokens).reduce(0.0) { $0 + key($1, c) }
              }
              for v in 0..<e {
                let sum = (0..<d).reduce(0.0) { sum, c in
                  sum + query[c]
                    * (0..<tokens).reduce(0.0) {
                      $0 + key($1, c) * number($1, 2 * heads * d + head * e + v)
                    }
                }
                expected.append(sum / (total + 1e-5))
              }
            }
          }
        }
        card.expectNear(try card.values(output), expected, "\(tokens) tokens")
      }
    }

    @Test(arguments: precisions)
    func `an attention map, its use and what it says of tokens are the reference's`(
      precision: Precision, limit: Double
    ) throws {
      let card = try Card(precision, limit)
      let (tokens, heads, d) = (19, 2, 8)
      let qkv = card.numbers(tokens * 3 * heads * d, seed: 1)
      let sizes = (0..<tokens).map { Float($0 % 3 + 1) }
      let input = try card.tensor(qkv, Shape(1, tokens, 3 * heads * d))
      let map = try card.backend.allocate(Shape(1, heads, tokens, tokens), .float32)
      card.backend.attentionMap(
        queries: HeadView(input, part: .query, heads: heads),
        keys: HeadView(input, part: .key, heads: heads), scale: 1 / Float(d).squareRoot(),
        tokenSize: try card.plain(sizes).view(Shape(1, tokens)), into: map)
      let weights = ReferenceOps.attentionWeights(
        qkv, tokens: tokens, heads: heads, tokenSize: sizes)
      card.expectNear(try card.values(map), weights.flatMap { $0.flatMap(\.self) }, "map")
      let output = try card.backend.allocate(
        Shape(1, tokens, heads * d), card.backend.activationType)
      card.backend.applyAttentionMap(
        map, values: HeadView(input, part: .value, heads: heads),
        into: HeadView(output, batch: 1, tokens: tokens, heads: heads, headDim: d))
      card.expectNear(
        try card.values(output),
        ReferenceOps.attention(qkv, tokens: tokens, heads: heads, tokenSize: sizes), "applied")
      for reduction in HeadReduction.allCases {
        let (classes, received) = (
          try card.backend.allocate(Shape(1, tokens), .float32),
          try card.backend.allocate(Shape(1, tokens), .float32)
        )
        card.backend.summarizeAttention(
          map,
          AttentionStatistics(
            classAttention: classes, receivedAttention: received, headReduction: reduction,
            prefixTokens: 2))
        let first = (0..<tokens).map { j in
          weights.reduce(0) { $0 + $1[0][j] } / Double(heads)
        }
        let sums = (0..<tokens).map { j in
          (2..<tokens).reduce(0.0) { sum, i in
            let column = weights.map { $0[i][j] }
            switch reduction {
            case .max: return sum + (column.max() ?? 0)
            case .sum: return sum + column.reduce(0, +)
            case .mean: return sum + column.reduce(0, +) / Double(heads)
            }
          }
        }
        card.expectNear(try card.values(classes), first, "class attention")
        card.expectNear(try card.values(received), sums, "\(reduction)")
      }
    }

    @Test(arguments: precisions)
    func `pooling, norms and rows are the reference's`(precision: Precision, limit: Double) throws {
      let card = try Card(precision, limit)
      let (side, channels) = (7, 10)
      let x = card.numbers(2 * side * side * channels, seed: 1)
      let input = FeatureMap(try card.tensor(x, Shape(2, side, side, channels)))
      for pooling in [
        Pooling(.maximum, window: 3, stride: 2, padding: 1),
        Pooling(.average, window: 3, stride: 2, padding: 1),
        Pooling(.average, window: 3, stride: 1, padding: 1, countsPadding: false),
      ] {
        let shape = PictureShape(
          images: 2, side, side, channels: channels, out: channels, kernel: pooling.window,
          stride: pooling.stride, padding: pooling.padding)
        let output = try card.backend.allocate(
          Shape(2, shape.outHeight, shape.outWidth, channels), card.backend.activationType)
        card.backend.pool(input, pooling, into: FeatureMap(output))
        var expected: [Double] = []
        for image in 0..<2 {
          for y in 0..<shape.outHeight {
            for column in 0..<shape.outWidth {
              let taps = shape.taps(y, column)
              for c in 0..<channels {
                let seen = taps.map { row, column, _ in
                  Double(x[((image * side + row) * side + column) * channels + c])
                }
                let count = pooling.countsPadding ? pooling.window * pooling.window : seen.count
                expected.append(
                  pooling.kind == .maximum
                    ? seen.max() ?? 0 : seen.reduce(0, +) / Double(count))
              }
            }
          }
        }
        card.expectNear(try card.values(output), expected, "\(pooling)")
      }
      let means = try card.backend.allocate(Shape(2, channels), card.backend.activationType)
      card.backend.globalAveragePool(input, into: TensorView(means))
      card.expectNear(
        try card.values(means),
        (0..<(2 * channels)).map { at in
          let (image, c) = (at / channels, at % channels)
          return (0..<(side * side)).reduce(0.0) {
            $0 + Double(x[(image * side * side + $1) * channels + c])
          } / Double(side * side)
        }, "means")

      // Rows of a range of columns, scaled, shifted and normalized.
      let rows = input.rows.columns(2..<9)
      func row(_ index: Int) -> [Double] {
        (2..<9).map { Double(x[index * channels + $0]) }
      }
      let (scale, shift) = (randomFloats(7, seed: 5), randomFloats(7, seed: 6))
      let output = TensorView(
        try card.backend.allocate(Shape(2 * side * side, 7), card.backend.activationType))
      card.backend.affine(
        rows, scale: try card.plain(scale), shift: try card.plain(shift), .relu, into: output)
      card.expectNear(
        try card.values(output.tensor),
        (0..<(2 * side * side)).flatMap { index in
          row(index).enumerated().map { max($1 * Double(scale[$0]) + Double(shift[$0]), 0) }
        }, "affine")
      let norm = LayerNormParameters(
        weight: try card.plain(scale), bias: try card.plain(shift), epsilon: 1e-6)
      card.backend.layerNorm(rows, norm, into: output)
      card.expectNear(
        try card.values(output.tensor),
        (0..<(2 * side * side)).flatMap { index in
          let values = row(index)
          let mean = values.reduce(0, +) / 7
          let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 7
          return values.enumerated().map {
            ($1 - mean) / (variance + 1e-6).squareRoot() * Double(scale[$0]) + Double(shift[$0])
          }
        }, "norm")
      // A gate for each image, and rows chosen by index.
      let gate = card.numbers(14, seed: 7)
      card.backend.multiply(
        rows, TensorView(try card.tensor(gate, Shape(2, 7))), into: output)
      card.expectNear(
        try card.values(output.tensor),
        (0..<(2 * side * side)).flatMap { index in
          row(index).enumerated().map { $1 * Double(gate[index / (side * side) * 7 + $0]) }
        }, "gate")
      let chosen: [Int32] = [3, 48, 0, 7, 7, 1]
      let indices = try card.backend.allocate(Shape(2, 3), .int32)
      chosen.withUnsafeBufferPointer { card.backend.upload($0, to: indices) }
      let gathered = TensorView(
        try card.backend.allocate(Shape(6, 7), card.backend.activationType))
      card.backend.gather(rows, indices, into: gathered)
      card.expectNear(
        try card.values(gathered.tensor),
        chosen.enumerated().flatMap { row($0 / 3 * side * side + Int($1)) }, "gather")
    }

    @Test(arguments: precisions)
    func `patches of planes become rows`(precision: Precision, limit: Double) throws {
      let card = try Card(precision, limit)
      let images = randomFloats(2 * 3 * 64, seed: 1)
      let tensor = try card.backend.allocate(Shape(2, 3, 8, 8), .float32)
      images.withUnsafeBufferPointer { card.backend.upload($0, to: tensor) }
      for patch in [1, 4] {
        let rows = TensorView(
          try card.backend.allocate(
            Shape(2 * 64 / patch / patch, 3 * patch * patch), card.backend.activationType))
        card.backend.unfold(tensor, patch: patch, into: rows)
        let across = 8 / patch
        let expected = (0..<rows.rows).flatMap { row -> [Double] in
          let (image, place) = (row / (across * across), row % (across * across))
          return (0..<rows.width).map { column in
            let (channel, inside) = (column / (patch * patch), column % (patch * patch))
            let y = place / across * patch + inside / patch
            let x = place % across * patch + inside % patch
            return Double(images[((image * 3 + channel) * 8 + y) * 8 + x])
          }
        }
        card.expectNear(try card.values(rows.tensor), expected, "patch \(patch)")
      }
    }

    @Test(arguments: precisions)
    func `ReduceFormer's attention is the reference's`(precision: Precision, limit: Double) throws {
      let card = try Card(precision, limit)
      for (tokens, heads, d) in [(70, 2, 8), (9, 1, 5), (65, 1, 300)] {
        let row = 3 * heads * d + 3
        let values = card.numbers(2 * tokens * row, seed: 1)
        let tensor = try card.tensor(values, Shape(2, tokens, row))
        func view(_ part: Int) -> HeadView {
          HeadView(
            tensor, offset: part * heads * d, batch: 2, tokens: tokens, heads: heads, headDim: d,
            tokenStride: row)
        }
        let output = try card.backend.allocate(
          Shape(2, tokens, heads * d), card.backend.activationType)
        card.backend.reducedAttention(
          queries: view(0), keys: view(1), values: view(2), epsilon: 1e-5,
          into: HeadView(output, batch: 2, tokens: tokens, heads: heads, headDim: d))
        var expected: [Double] = []
        for image in 0..<2 {
          func number(_ token: Int, _ part: Int, _ head: Int, _ c: Int) -> Double {
            Double(values[(image * tokens + token) * row + (part * heads + head) * d + c])
          }
          for token in 0..<tokens {
            for head in 0..<heads {
              let query = (0..<d).map { max(number(token, 0, head, $0), 0) }
              let keys = (0..<d).map { c in
                (0..<tokens).reduce(0.0) { $0 + max(number($1, 1, head, c), 0) }
              }
              let sums = (0..<d).map { c in
                (0..<tokens).reduce(0.0) {
                  $0 + max(number($1, 1, head, c), 0) * number($1, 2, head, c)
                }
              }
              let total = max(zip(query, keys).reduce(0.0) { $0 + $1.0 * $1.1 }, 1e-5)
              expected += zip(query, sums).map { $0 * $1 / total }
            }
          }
        }
        card.expectNear(try card.values(output), expected, "\(tokens) tokens")
      }
    }

    @Test(arguments: precisions)
    func `a copy beyond a picture is zero`(precision: Precision, limit: Double) throws {
      let card = try Card(precision, limit)
      let x = card.numbers(2 * 5 * 5 * 6, seed: 1)
      let input = FeatureMap(try card.tensor(x, Shape(2, 5, 5, 6)))
      let output = try card.tensor(
        [Float](repeating: 7, count: 2 * 7 * 8 * 6), Shape(2, 7, 8, 6))
      card.backend.copy(input, into: FeatureMap(output))
      let values = try card.values(output)
      for index in values.indices {
        let (image, pixel, c) = (index / (56 * 6), index / 6 % 56, index % 6)
        let (row, column) = (pixel / 8, pixel % 8)
        let expected = row < 5 && column < 5 ? x[((image * 5 + row) * 5 + column) * 6 + c] : 0
        #expect(values[index] == expected)
      }
    }

    @Test func `every operation of a model is there`() throws {
      let backend = try FakeMachine.backend()
      #expect(OperationKind.allCases.filter { !backend.supports($0) } == [])
    }
  }
}
