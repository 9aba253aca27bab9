import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// The backend's operations on feature maps: views of wider tensors, epilogues, any number of
/// threads.
@Suite struct FeatureMapTests {
  @Test(arguments: [1, 3])
  func `a convolution reads and writes channel slices of wider feature maps`(threads: Int) throws {
    let backend = try CPUBackend(threads: threads)
    for (extent, side) in [
      (ConvolutionExtent(inputs: 20, outputs: 33, kernel: 3, stride: 2), 15),
      (ConvolutionExtent(inputs: 20, outputs: 20, kernel: 5, groups: 20), 15),
      (ConvolutionExtent(inputs: 32, outputs: 48, kernel: 1, groups: 2), 6),
      (ConvolutionExtent(inputs: 40, outputs: 70, kernel: 1), 30),
      (ConvolutionExtent(inputs: 3, outputs: 8, kernel: 4, stride: 4, padding: 0), 16),
    ] {
      let shape = PictureShape(
        images: 2, side, side, channels: extent.inputs, out: extent.outputs, kernel: extent.kernel,
        stride: extent.stride, padding: extent.padding, groups: extent.groups)
      let weight = randomFloats(extent.weightCount, seed: 1)
      let bias = randomFloats(extent.outputs, seed: 2)
      let wide = randomFloats(2 * side * side * (extent.inputs + 5), seed: 3)
      let added = randomFloats(shape.outPixels * extent.outputs, seed: 4)
      let convolution = try weight.withUnsafeBufferPointer { weight in
        try bias.withUnsafeBufferPointer {
          try backend.makeConvolution(weight: weight, bias: $0, extent)
        }
      }
      let input = try backend.tensor(wide, Shape(2, side, side, extent.inputs + 5))
      let output = try backend.tensor(
        [Float](repeating: 7, count: shape.outPixels * (extent.outputs + 3)),
        Shape(2, shape.outHeight, shape.outWidth, extent.outputs + 3))
      let residual = TensorView(try backend.tensor(added, Shape(shape.outPixels, extent.outputs)))
      backend.convolve(
        FeatureMap(input).channels(2..<(2 + extent.inputs)), convolution,
        Epilogue(.silu, residual: residual),
        into: FeatureMap(output).channels(1..<(1 + extent.outputs)))
      let dense = stride(from: 0, to: wide.count, by: extent.inputs + 5).flatMap {
        Array(wide[($0 + 2)..<($0 + 2 + extent.inputs)])
      }
      let expected = zip(ReferenceOps.convolution(dense, weight, bias, shape), added).map {
        ReferenceOps.silu($0) + Double($1)
      }
      let values = backend.values(output)
      for pixel in 0..<shape.outPixels {
        let first = pixel * (extent.outputs + 3)
        #expect(values[first] == 7)
        #expect(values[(first + 1 + extent.outputs)..<(first + 3 + extent.outputs)] == [7, 7])
        let own = values[(first + 1)..<(first + 1 + extent.outputs)]
        let wanted = expected[(pixel * extent.outputs)..<((pixel + 1) * extent.outputs)]
        #expect(largestDifference(Array(own), Array(wanted)) < 1e-4)
      }
    }
  }

  @Test func `a linear layer takes any activation and residual as epilogue`() throws {
    let backend = try CPUBackend(threads: 2)
    let (rows, inputs, outputs) = (50, 24, 37)
    let x = randomFloats(rows * inputs, seed: 1)
    let weight = randomFloats(inputs * outputs, seed: 2)
    let bias = randomFloats(outputs, seed: 3)
    let added = randomFloats(rows * outputs, seed: 4)
    let linear = try weight.withUnsafeBufferPointer { weight in
      try bias.withUnsafeBufferPointer {
        try backend.makeLinear(weight: weight, bias: $0, inputs: inputs, outputs: outputs)
      }
    }
    let input = TensorView(try backend.tensor(x, Shape(rows, inputs)))
    let sums = ReferenceOps.linear(x, weight, bias, inputs: inputs)
    for activation in Activation.allCases {
      for (isOwn, activatesSum) in [(false, false), (true, false), (false, true), (true, true)] {
        let residual = TensorView(try backend.tensor(added, Shape(rows, outputs)))
        let output =
          isOwn ? residual : TensorView(try backend.allocate(Shape(rows, outputs), .float32))
        backend.linear(
          input, linear, Epilogue(activation, residual: residual, activatesSum: activatesSum),
          into: output)
        let expected = zip(sums, added).map { sum, added in
          activatesSum
            ? ReferenceOps.activate(activation, sum + Double(added))
            : ReferenceOps.activate(activation, sum) + Double(added)
        }
        #expect(
          largestDifference(backend.values(output.tensor), expected) < 1e-4,
          "\(activation), \(isOwn), \(activatesSum)")
      }
    }
  }

  @Test(arguments: [
    TokenGrouping.all, .windows(height: 8, width: 8, window: 4, shift: 0),
    .windows(height: 8, width: 8, window: 4, shift: 2), .interleaved(height: 8, width: 8, patch: 2),
  ])
  func `attention is restricted to the tokens of a group`(grouping: TokenGrouping) throws {
    let (tokens, heads, d) = (64, 2, 8)
    let qkv = randomFloats(2 * tokens * 3 * heads * d, seed: 1).map { 3 * $0 }
    let count = grouping.tokensPerGroup(tokens: tokens)
    let biases = randomFloats(heads * count * count, seed: 2)
    var found: [[Float]] = []
    for threads in [1, 3] {
      let backend = try CPUBackend(threads: threads)
      let input = try backend.tensor(qkv, Shape(2, tokens, 3 * heads * d))
      let output = try backend.allocate(Shape(2, tokens, heads * d), .float32)
      backend.attention(
        AttentionOperands(
          queries: HeadView(input, part: .query, heads: heads),
          keys: HeadView(input, part: .key, heads: heads),
          values: HeadView(input, part: .value, heads: heads),
          output: HeadView(output, batch: 2, tokens: tokens, heads: heads, headDim: d), scale: 0.4,
          grouping: grouping, bias: try backend.tensor(biases, Shape(heads, count, count))))
      found.append(backend.values(output))
    }
    #expect(found[0] == found[1])
    let expected = ReferenceOps.groupedAttention(
      qkv: qkv, batch: 2, tokens: tokens, heads: heads, headDim: d, scale: 0.4, grouping,
      bias: biases)
    #expect(largestDifference(found[0], expected) < 1e-5)
  }
}
