import Foundation
import Records
import Tensors
import TokenReduction

/// An architecture whose models consist of layers, and whose tensors are those that the layers
/// read.
package protocol LayeredArchitecture: ModelArchitecture {
  associatedtype Layers: ModelLayers where Layers.Architecture == Self
}

extension LayeredArchitecture {
  package var tensors: [WeightSpecification] {
    let source = LayerSource()
    // Without a loader nothing is read, so nothing can be missing.
    _ = try? Layers(self, source)
    return source.tensors
  }

  package func makeModel(_ loader: WeightLoader) throws -> any VisionModel {
    LayeredModel<Layers>(self, try Layers(self, LayerSource(loader)), loader.backend)
  }

  package static var parameters: [MethodParameter] {
    [
      MethodParameter(
        "image_size", .integer(minimum: 1, maximum: nil), default: .integer(224),
        "image size in pixels"),
      MethodParameter(
        "num_classes", .integer(minimum: 1, maximum: nil), default: .integer(1000), "classes"),
    ]
  }

  /// A size that is not given is taken from the first entry.
  package static func decode(_ members: [String: JSONValue]) -> (any ModelArchitecture)? {
    let standard = entries.first?.architecture.members ?? [:]
    guard let data = try? JSONEncoder().encode(standard.merging(members) { $1 }) else {
      return nil
    }
    return try? JSONDecoder().decode(Self.self, from: data)
  }

  /// The problems of the two sizes that a spec may set.
  ///
  /// - Parameter unit: What a side must be a multiple of, and why.
  func sizeProblems(
    multipleOf unit: Int, because reason: String
  ) -> [(key: String, message: String)] {
    var problems: [(key: String, message: String)] = []
    if !(1...1_000_000).contains(numClasses) {
      problems.append(
        (
          "num_classes",
          "\(numClasses) is out of range; it must be a whole number from 1 to 1000000"
        ))
    }
    if !(32...2048).contains(imageSize) {
      problems.append(
        ("image_size", "\(imageSize) is out of range; it must be a whole number from 32 to 2048"))
    } else if imageSize % unit != 0 {
      let below = max(unit, imageSize / unit * unit)
      problems.append(
        (
          "image_size",
          "\(imageSize) is not a multiple of \(unit), \(reason); \(below) or \(below + unit) would be"
        ))
    }
    return problems
  }
}

/// The layers of a model with their weights, and the order in which a pass goes through them.
package protocol ModelLayers: AnyObject {
  associatedtype Architecture: ModelArchitecture
  init(_ architecture: Architecture, _ layers: LayerSource) throws
  /// Defines a pass, and returns the classifier's input [batch, 1, 1, features].
  func forward(_ pass: PassBuilder) throws -> PassMap
}

/// A model of layers on a device.
final class LayeredModel<Layers: ModelLayers>: VisionModel {
  let info: ModelInfo
  let backend: any Backend
  private let layers: Layers

  init(_ architecture: Layers.Architecture, _ layers: Layers, _ backend: any Backend) {
    info = architecture.info
    self.layers = layers
    self.backend = backend
  }

  func makePass(
    _ composition: Composition, batchSize: Int, on device: any Backend
  ) throws -> any ModelPass {
    let builder = PassBuilder(device, batch: batchSize, imageSize: info.imageSize)
    let features = try layers.forward(builder)
    return LayeredPass(device, builder.steps, features)
  }
}

/// The steps of a pass.
private final class LayeredPass: ModelPass {
  let features: Tensor
  private let device: any Backend
  private let steps: [(PassBuilder.Run) -> Void]

  init(_ device: any Backend, _ steps: [(PassBuilder.Run) -> Void], _ features: PassMap) {
    self.device = device
    self.steps = steps
    let map = features.map
    self.features = features.tensor.view(Shape(map.batch, map.channels))
  }

  func compute(_ images: Tensor, into logits: Tensor, _ context: PassContext) {
    let run = PassBuilder.Run(
      device: device, images: images, logits: logits, context: context)
    for step in steps { step(run) }
  }
}
