import Checkpoints
import Files
import Foundation

/// A file of weights of any format: opened, and every tensor read.
enum CheckpointInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let url = folder.appendingPathComponent("input.weights")
    try Data(bytes).write(to: url)
    let checkpoint = try Checkpoint.open(PathBytes(url.path))
    for (name, tensor) in checkpoint.tensors {
      // A pickle may give many names to one tensor, and strides of 0 make a large one of few bytes.
      guard tensor.count <= 1 << 20 else { continue }
      let values = (try? checkpoint.floats(name)) ?? []
      precondition(values.isEmpty || values.count == tensor.count, "a tensor of another size")
    }
  }
}
