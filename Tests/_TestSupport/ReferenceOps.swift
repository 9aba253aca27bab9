import Foundation
import Support
import Tensors

/// Every operation as plain loops in double precision, as the reference for the kernels.
package enum ReferenceOps {
  /// `output = input · weightᵀ + bias`; input [rows, inputs], weight [outputs, inputs].
  package static func linear(
    _ input: [Float], _ weight: [Float], _ bias: [Float], inputs: Int
  ) -> [Double] {
    let rows = input.count / inputs
    return (0..<rows).flatMap { row in
      bias.indices.map { column in
        (0..<inputs).reduce(Double(bias[column])) {
          $0 + Double(input[row * inputs + $1]) * Double(weight[column * inputs + $1])
        }
      }
    }
  }

  package static func layerNorm(
    _ input: [Float], _ weight: [Float], _ bias: [Float], epsilon: Double
  ) -> [Double] {
    let width = weight.count
    return stride(from: 0, to: input.count, by: width).flatMap { start in
      let row = input[start..<(start + width)].map(Double.init)
      let mean = row.reduce(0, +) / Double(width)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      return row.enumerated().map {
        ($1 - mean) / (variance + epsilon).squareRoot() * Double(weight[$0]) + Double(bias[$0])
      }
    }
  }

  package static func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x / 2.0.squareRoot())) }

  package static func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }

  package static func softmax(_ row: [Double]) -> [Double] {
    let maximum = row.max() ?? 0
    let powers = row.map { exp($0 - maximum) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// Attention weights `[heads][row][column]` of one image from its qkv rows `[tokens, 3 · width]`.
  package static func attentionWeights(
    _ qkv: [Float], tokens: Int, heads: Int, tokenSize: [Float]? = nil
  ) -> [[[Double]]] {
    let width = qkv.count / tokens / 3
    let d = width / heads
    return (0..<heads).map { head in
      (0..<tokens).map { row in
        softmax(
          (0..<tokens).map { column in
            let dot = (0..<d).reduce(0.0) {
              $0 + Double(qkv[row * 3 * width + head * d + $1])
                * Double(qkv[column * 3 * width + width + head * d + $1])
            }
            return dot / Double(d).squareRoot() + (tokenSize.map { log(Double($0[column])) } ?? 0)
          })
      }
    }
  }

  /// Attention of one image, `[tokens, width]`.
  package static func attention(
    _ qkv: [Float], tokens: Int, heads: Int, tokenSize: [Float]? = nil
  ) -> [Double] {
    let width = qkv.count / tokens / 3
    let d = width / heads
    let weights = attentionWeights(qkv, tokens: tokens, heads: heads, tokenSize: tokenSize)
    return (0..<tokens).flatMap { row in
      (0..<width).map { c in
        (0..<tokens).reduce(0.0) {
          $0 + weights[c / d][row][$1] * Double(qkv[$1 * 3 * width + 2 * width + c])
        }
      }
    }
  }
}

/// The largest absolute difference from the reference; infinite for empty results.
package func largestDifference(_ fast: some Collection<Float>, _ reference: [Double]) -> Double {
  guard fast.count == reference.count, !reference.isEmpty else { return .infinity }
  return zip(fast, reference).reduce(0) {
    let difference = abs(Double($1.0) - $1.1)
    return difference.isNaN ? .infinity : max($0, difference)
  }
}

/// Seeded random values in -1 ..< 1.
package func randomFloats(_ count: Int, seed: UInt64) -> [Float] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in 2 * random.nextUniform() - 1 }
}

extension Backend {
  /// A tensor with these values.
  package func tensor(_ values: [Float], _ shape: Shape) throws -> Tensor {
    let tensor = try allocate(shape, .float32)
    values.withUnsafeBufferPointer { upload($0, to: tensor) }
    return tensor
  }

  /// A linear layer with these values.
  package func linear(_ weight: [Float], _ bias: [Float]) throws -> LinearParameters {
    try weight.withUnsafeBufferPointer { weight in
      try bias.withUnsafeBufferPointer { bias in
        try makeLinear(
          weight: weight, bias: bias, inputs: weight.count / bias.count, outputs: bias.count)
      }
    }
  }

  package func values(_ tensor: Tensor) -> [Float] {
    var values = [Float](repeating: 0, count: tensor.shape.count)
    values.withUnsafeMutableBufferPointer { download(tensor, to: $0) }
    return values
  }

  package func indices(_ tensor: Tensor) -> [Int] {
    var values = [Int32](repeating: 0, count: tensor.shape.count)
    values.withUnsafeMutableBufferPointer { download(tensor, to: $0) }
    return values.map(Int.init)
  }
}
