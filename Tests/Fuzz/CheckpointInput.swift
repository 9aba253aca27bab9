import Checkpoints
import Files
import Foundation

/// A file of weights of any format: it is opened, and every tensor is read.
enum CheckpointInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let url = folder.appendingPathComponent("input.weights")
    try Data(bytes).write(to: url)
    let checkpoint = try Checkpoint.open(PathBytes(url.path))
    for (name, tensor) in checkpoint.tensors {
      // A pickle may give one tensor many names, and strides of 0 make a large tensor of few bytes.
      guard tensor.count <= 1 << 20 else { continue }
      let values = (try? checkpoint.floats(name)) ?? []
      precondition(values.isEmpty || values.count == tensor.count, "a tensor of another size")
    }
  }
}
