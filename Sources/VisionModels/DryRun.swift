import Foundation
import Synchronization
import Tensors
import TokenReduction

/// A pass on a counting device: all operations of a model with a method by their shapes, without
/// computing anything.
package struct DryRun {
  package let operations: [PassOperation]
  /// The bytes that a pass allocates in addition to the weights, including images and logits.
  package let activationBytes: Int

  /// A pass over a model's own weights.
  init(_ model: any VisionModel, _ composition: Composition, batchSize: Int) throws {
    try self.init(
      model, composition, batchSize: batchSize,
      on: CountingDevice(
        precision: model.backend.precision, activationType: model.backend.activationType))
  }

  private init(
    _ model: any VisionModel, _ composition: Composition, batchSize: Int,
    on device: CountingDevice
  ) throws {
    let before = device.allocatedBytes
    let side = model.info.imageSize
    let images = try device.allocate(Shape(batchSize, 3, side, side), .float32)
    let logits = try device.allocate(Shape(batchSize, model.info.classes), .float32)
    let pass = try model.makePass(composition, batchSize: batchSize, on: device)
    device.reset()
    let keys = (0..<batchSize).map(UInt64.init)
    keys.withUnsafeBufferPointer { keys in
      guard let keys = keys.baseAddress else { return }
      pass.compute(images, into: logits, PassContext(imageKeys: keys))
    }
    operations = device.operations
    activationBytes = device.allocatedBytes - before
  }

  /// A pass of an architecture without weights.
  ///
  /// - Parameter isFused: Whether the parts of a transformer block are fused operations, as on real
  ///   devices.
  package init(
    _ architecture: any ModelArchitecture, _ composition: Composition, batchSize: Int = 1,
    precision: Precision = .float32, isFused: Bool = true
  ) throws {
    let device = CountingDevice(precision: precision, isFused: isFused)
    let model = try Models.shared.model(architecture)
    try self.init(model, composition, batchSize: batchSize, on: device)
  }

  /// Multiply-adds of one image; 0 for a model that cannot be built.
  package static func macs(_ architecture: any ModelArchitecture, _ composition: Composition) -> Int
  {
    (try? DryRun(architecture, composition)).map { macs(of: $0.operations) } ?? 0
  }

  /// The MACs of a model's operations, without those of the reduction itself.
  package static func macs(of operations: [PassOperation]) -> Int {
    operations.reduce(0) { $1.kind.isReduction ? $0 : $0 + $1.macs }
  }

  /// Models that have only shapes, each created once.
  private final class Models: Sendable {
    static let shared = Models()
    private struct Known: @unchecked Sendable {
      // Read-only after creation: shapes.
      let model: any VisionModel
    }
    private let known = Mutex<[AnyHashableSendable: Known]>([:])

    func model(_ architecture: any ModelArchitecture) throws -> any VisionModel {
      let key = AnyHashableSendable(architecture)
      if let found = known.withLock({ $0[key] }) { return found.model }
      let made = Known(
        model: try architecture.load(weights: .shapes, backend: CountingDevice()))
      known.withLock {
        // A plan has a few models; a search over sizes could have many.
        if $0.count > 32 { $0.removeAll() }
        $0[key] = made
      }
      return made.model
    }
  }

  private struct AnyHashableSendable: Hashable, @unchecked Sendable {
    let value: AnyHashable
    init(_ architecture: any ModelArchitecture) { value = AnyHashable(architecture) }
  }
}
