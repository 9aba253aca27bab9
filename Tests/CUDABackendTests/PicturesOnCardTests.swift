import CFakeCUDA
import Foundation
import Tensors
import Testing
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// The operations on pictures against plain loops in double precision, in each precision of the
  /// card.
  @Suite(.serialized) struct PicturesOnCard {
    init() { FakeMachine.reset() }

    @Test(arguments: CardNumbers.precisions)
    func `a convolution reads and writes channels of wider pictures`(
      precision: Precision, limit: Double
    ) throws {
      let card = try CardNumbers(precision, limit)
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

    @Test(arguments: CardNumbers.precisions)
    func `a linear layer ends with any activation and any residual`(
      precision: Precision, limit: Double
    ) throws {
      let card = try CardNumbers(precision, limit)
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
                ? ReferenceOps.activate(activation, sum + Double(added))
                : ReferenceOps.activate(activation, sum) + Double(added)
            }
            card.expectNear(
              try card.values(output.tensor), expected, "\(activation), \(isOwn), \(activatesSum)")
          }
        }
      }
    }

    @Test(arguments: CardNumbers.precisions)
    func `pooling, norms and rows are the reference's`(precision: Precision, limit: Double) throws {
      let card = try CardNumbers(precision, limit)
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

    @Test(arguments: CardNumbers.precisions)
    func `patches of planes become rows`(precision: Precision, limit: Double) throws {
      let card = try CardNumbers(precision, limit)
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

    @Test(arguments: CardNumbers.precisions)
    func `a copy beyond a picture is zero`(precision: Precision, limit: Double) throws {
      let card = try CardNumbers(precision, limit)
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
