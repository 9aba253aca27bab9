import Foundation
import Tensors

/// Where a model's weights come from.
package enum WeightSource: Hashable, Sendable {
  /// Seeded numbers: enough to measure latency.
  case random(seed: UInt64)
  /// A safetensors file with timm's keys.
  case file(URL)
}

/// A tensor that a model needs, by its key in a checkpoint.
struct WeightSpecification {
  /// How a random model draws it.
  enum Initial { case normal, zeros, ones }

  let key: String
  let shape: [Int]
  let initial: Initial
}

/// The host's copy of one tensor at a time, from a file or from a seed.
protocol WeightReader {
  /// The values of `key`, whose element count the specification gives.
  func values(_ specification: WeightSpecification) throws -> [Float]
  /// The same for the length of a call, without a copy where the reader has them in memory.
  func withValues<Result>(
    _ specification: WeightSpecification, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result
  /// Patches along one side of the grid that the position embedding was trained on.
  var positionGrid: Int { get }
}

extension WeightReader {
  func withValues<Result>(
    _ specification: WeightSpecification, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    try values(specification).withUnsafeBufferPointer(body)
  }
}

/// Random weights with timm's spread: normal of 0.02, bell-shaped by the sum of four uniforms so that no platform's
/// logarithm decides a bit.
struct RandomWeights: WeightReader {
  let seed: UInt64
  let positionGrid: Int

  func values(_ specification: WeightSpecification) -> [Float] {
    let count = specification.shape.reduce(1, *)
    switch specification.initial {
    case .zeros: return Array(repeating: 0, count: count)
    case .ones: return Array(repeating: 1, count: count)
    case .normal:
      var random = SplitMix64(seed: SplitMix64.mix(seed) ^ hash(specification.key))
      // Four 16-bit uniforms have a variance of 4 / 12 · 2^32.
      let scale = Float(0.02) / (Float(1.0 / 3.0).squareRoot() * 65536)
      return (0..<count).map { _ in
        let bits = random.next()
        let sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
        return (Float(sum) - 131070) * scale
      }
    }
  }

  /// FNV-1a, so that a tensor's numbers do not depend on what is drawn before it.
  private func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}

/// Weights from a safetensors file, checked as a whole before the first is read.
struct FileWeights: WeightReader {
  private let file: SafetensorsFile
  let positionGrid: Int

  /// Opens a file and compares every key and shape.
  ///
  /// A position embedding may have another square grid; it is interpolated.
  /// Errors: `TensorsError`, or `VisionModelsError.weightsDoNotFit` with all that is wrong.
  init(
    url: URL, model: String, expected: [WeightSpecification], architecture: ViTArchitecture
  ) throws {
    file = try SafetensorsFile(url: url)
    let prefixPositions = VisionTransformer.positionedPrefix(architecture)
    var grid = architecture.grid
    var missing: [String] = []
    var misshapen: [String] = []
    for specification in expected {
      guard let entry = file.entries[specification.key] else {
        missing.append(specification.key)
        continue
      }
      if specification.key == "pos_embed", entry.shape.count == 3, entry.shape[0] == 1,
        entry.shape[2] == architecture.embedDim
      {
        let patches = entry.shape[1] - prefixPositions
        let side = Int(Double(max(0, patches)).squareRoot().rounded())
        if side > 0, side * side == patches {
          grid = side
          continue
        }
      }
      if entry.shape != specification.shape {
        misshapen.append("\(specification.key) is \(entry.shape), not \(specification.shape)")
      }
    }
    let known = Set(expected.map(\.key))
    let extra = file.entries.keys.filter { !known.contains($0) && !ignored.contains($0) }.sorted()
    guard missing.isEmpty, misshapen.isEmpty, extra.isEmpty else {
      throw VisionModelsError.weightsDoNotFit(
        path: url.path, model: model, missing: missing, extra: extra, misshapen: misshapen)
    }
    positionGrid = grid
  }

  func values(_ specification: WeightSpecification) throws -> [Float] {
    try file.floats(specification.key)
  }

  func withValues<Result>(
    _ specification: WeightSpecification, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    try file.withFloats(specification.key, body)
  }
}

/// Tensors of training alone that checkpoints carry.
private let ignored: Set<String> = ["mask_token"]
