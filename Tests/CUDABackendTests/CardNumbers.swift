import Foundation
import Tensors
import Testing
import _TestSupport

@testable import CUDABackend

/// A backend, and numbers as its activations hold them.
struct CardNumbers {
  /// Precisions of the card, each with the largest difference that it allows, as a share of the
  /// largest number.
  static let precisions: [(Precision, Double)] = [
    (.float32, 2e-5), (.float16, 4e-3), (.bfloat16, 3e-2),
  ]

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
