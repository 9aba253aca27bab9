import Foundation
import Tensors

/// A safetensors file: it is opened, and every tensor is read in every way.
enum SafetensorsInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let url = folder.appendingPathComponent("input.safetensors")
    try Data(bytes).write(to: url)
    let file = try SafetensorsFile(url: url)
    var sum: Float = 0
    for (name, entry) in file.entries {
      let values = (try? file.floats(name)) ?? []
      let integers = (try? file.integers(name)) ?? []
      try? file.withFloats(name) { for value in $0 { sum += value } }
      let elements = entry.shape.reduce(1, *)
      precondition(values.isEmpty || values.count == elements, "a tensor of another size")
      precondition(integers.isEmpty || integers.count == elements, "a tensor of another size")
    }
  }
}
