import Foundation
import Support
import Tensors

/// Where a model's weights come from.
package enum WeightSource: Hashable, Sendable {
  /// Seeded numbers: enough to measure latency.
  case random(seed: UInt64)
  /// Files of weights that are read as one: usually one, or a backbone and its head.
  ///
  /// Of any format that `Checkpoints` reads, with timm's keys or those of another layout that the
  /// model's family knows. `checkpointKey` names the entry that the weights lie under, where it is
  /// not to be found: `model_ema`.
  case files([URL], checkpointKey: String? = nil)
  /// Sizes alone, for a dry run.
  case shapes

  /// One file of weights.
  package static func file(_ url: URL) -> WeightSource { .files([url]) }
}

/// A tensor that a model needs, by its key in timm's checkpoints.
package struct WeightSpecification: Sendable {
  /// How a random model draws it.
  package enum Initial: Sendable {
    case normal, zeros, ones
    /// Normal with a variance of one over a number's inputs, so that deep chains of layers keep
    /// their size.
    case fanIn
  }

  package let key: String
  package let shape: [Int]
  package let initial: Initial
  /// Whether it counts as a parameter: a batch norm's running mean and variance do not.
  package let isTrained: Bool
  /// Whether a file may have another shape, which the family then brings to its own (a position
  /// embedding).
  package let accepts: (@Sendable ([Int]) -> Bool)?

  package init(
    _ key: String, _ shape: [Int], _ initial: Initial = .normal, isTrained: Bool = true,
    accepts: (@Sendable ([Int]) -> Bool)? = nil
  ) {
    self.key = key
    self.shape = shape
    self.initial = initial
    self.isTrained = isTrained
    self.accepts = accepts
  }

  package var count: Int { shape.reduce(1, *) }
}

/// The tensors of a model while they are listed.
package struct WeightList {
  package private(set) var tensors: [WeightSpecification] = []

  package init() {}

  package mutating func add(
    _ key: String, _ shape: [Int], _ initial: WeightSpecification.Initial = .normal,
    accepts: (@Sendable ([Int]) -> Bool)? = nil
  ) {
    tensors.append(WeightSpecification(key, shape, initial, accepts: accepts))
  }

  /// `key.weight` [outputs, inputs] and `key.bias`.
  package mutating func linear(
    _ key: String, inputs: Int, outputs: Int, bias: Bool = true,
    _ initial: WeightSpecification.Initial = .normal
  ) {
    add("\(key).weight", [outputs, inputs], initial)
    if bias { add("\(key).bias", [outputs], .zeros) }
  }

  /// `key.weight` [outputs, inputs / groups, kernel, kernel], and `key.bias` where there is one.
  package mutating func convolution(
    _ key: String, _ extent: ConvolutionExtent, bias: Bool = true,
    _ initial: WeightSpecification.Initial = .normal
  ) {
    add(
      "\(key).weight",
      [extent.outputs, extent.inputs / extent.groups, extent.kernel, extent.kernel], initial)
    if bias { add("\(key).bias", [extent.outputs], .zeros) }
  }

  /// The weight and bias of a LayerNorm.
  package mutating func norm(_ key: String, _ width: Int) {
    add("\(key).weight", [width], .ones)
    add("\(key).bias", [width], .zeros)
  }

  /// A batch norm with its running mean and variance.
  package mutating func batchNorm(_ key: String, _ width: Int) {
    norm(key, width)
    tensors.append(
      WeightSpecification("\(key).running_mean", [width], .zeros, isTrained: false))
    tensors.append(WeightSpecification("\(key).running_var", [width], .ones, isTrained: false))
  }
}

/// The host's copy of one tensor at a time, from a file or from a seed.
protocol WeightReader {
  /// The values of `key`.
  func values(_ specification: WeightSpecification) throws -> [Float]
  /// The same for the length of a call, without a copy where the reader has them in memory.
  func withValues<Result>(
    _ specification: WeightSpecification, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result
  /// The shape that the values have, which a specification may leave open.
  func shape(_ specification: WeightSpecification) -> [Int]
  /// The values of a tensor that is no part of the model, of a method.
  func methodValues(_ specification: WeightSpecification) throws -> [Float]
}

extension WeightReader {
  func withValues<Result>(
    _ specification: WeightSpecification, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    try values(specification).withUnsafeBufferPointer(body)
  }

  func shape(_ specification: WeightSpecification) -> [Int] { specification.shape }

  func methodValues(_ specification: WeightSpecification) throws -> [Float] {
    try values(specification)
  }
}

/// Zeros, for dry runs, which read none of them.
struct ShapeWeights: WeightReader {
  func values(_ specification: WeightSpecification) -> [Float] {
    [Float](repeating: 0, count: specification.count)
  }

  /// Memory of a giant model that is never touched takes no pages.
  func withValues<Result>(
    _ specification: WeightSpecification, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    let bytes = max(1, specification.count) * MemoryLayout<Float>.stride
    let untouched = calloc(1, bytes)
    defer { free(untouched) }
    return try body(
      UnsafeBufferPointer(
        start: untouched?.assumingMemoryBound(to: Float.self), count: specification.count))
  }
}

/// Random weights, bell-shaped by the sum of four uniforms so that no platform's logarithm decides
/// a bit: timm's deviation of 0.02, or one by the inputs of a number.
struct RandomWeights: WeightReader {
  let seed: UInt64

  func values(_ specification: WeightSpecification) -> [Float] {
    let count = specification.count
    switch specification.initial {
    case .zeros: return Array(repeating: 0, count: count)
    case .ones: return Array(repeating: 1, count: count)
    case .normal, .fanIn:
      // By the key, so that a tensor's numbers do not depend on what is drawn before it.
      var random = SplitMix64(seed: SplitMix64.mix(seed) ^ FNV1a.hash(specification.key.utf8))
      // Four 16-bit uniforms have a variance of 4 / 12 · 2^32.
      let inputs = Float(max(1, count / max(1, specification.shape[0])))
      let deviation = specification.initial == .fanIn ? 1 / inputs.squareRoot() : 0.02
      let scale = deviation / (Float(1.0 / 3.0).squareRoot() * 65536)
      return (0..<count).map { _ in
        let bits = random.next()
        let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
        return (Float(sum) - 131070) * scale
      }
    }
  }
}
