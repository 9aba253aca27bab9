import Checkpoints
import Files
import Foundation

/// The tensors of one or more weight files, as if they were one file.
package struct CheckpointFiles: Sendable {
  package let checkpoints: [Checkpoint]
  private let places: [String: Place]

  private struct Place: Sendable {
    let checkpoint: Int
    /// The tensor's own name in its file.
    let name: String
  }

  /// Opens the files.
  ///
  /// A file with only a weight and a bias, as DINOv2 publishes its classifiers, is the layer
  /// `head`.
  /// - Throws: `CheckpointError`, `TensorsError`, or `VisionModelsError.twice` for a tensor that is
  ///   in two files.
  package init(_ urls: [URL]) throws {
    var places: [String: Place] = [:]
    checkpoints = try urls.map { try Checkpoint.open(PathBytes($0.path)) }
    for (index, checkpoint) in checkpoints.enumerated() {
      let names = checkpoint.tensors.keys
      let isLayer = Set(names) == ["weight", "bias"]
      for name in names {
        let shown = isLayer ? "head.\(name)" : name
        if let other = places[shown] {
          throw VisionModelsError.tensorTwice(
            name: shown, first: checkpoints[other.checkpoint].path.description,
            second: checkpoint.path.description)
        }
        places[shown] = Place(checkpoint: index, name: name)
      }
    }
    self.places = places
  }

  package var names: Set<String> { Set(places.keys) }

  /// The files' names for messages.
  package var path: String { checkpoints.map { "\($0.path)" }.joined(separator: " with ") }

  /// `safetensors`, or several formats.
  package var format: String {
    var seen: [String] = []
    for format in checkpoints.map(\.format.rawValue) where !seen.contains(format) {
      seen.append(format)
    }
    return seen.joined(separator: " and ")
  }

  func shape(_ name: String) -> [Int]? {
    places[name].flatMap { checkpoints[$0.checkpoint].tensors[$0.name]?.shape }
  }

  func withFloats<Result>(
    _ name: String, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    guard let place = places[name] else {
      throw CheckpointError.missingTensor(path: checkpoints[0].path, name: name)
    }
    return try checkpoints[place.checkpoint].withFloats(place.name, body)
  }

  func floats(_ name: String) throws -> [Float] { try withFloats(name) { Array($0) } }
}
