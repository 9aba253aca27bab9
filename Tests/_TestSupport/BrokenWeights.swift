import Foundation
import Tensors

/// Copies of weight files in which one tensor holds a number that is none.
package enum BrokenWeights {
  /// Writes a copy of `source` whose tensor `key` begins with `value`, or is full of it.
  package static func write(
    _ value: Float, in key: String, everywhere: Bool = false, of source: URL, to url: URL
  ) throws {
    let file = try SafetensorsFile(url: source)
    var arrays: [String: SafetensorsWriter.Array] = [:]
    for (name, entry) in file.entries {
      var floats = try file.floats(name)
      if name == key {
        for index in 0..<(everywhere ? floats.count : 1) { floats[index] = value }
      }
      arrays[name] = SafetensorsWriter.Array(shape: entry.shape, floats: floats)
    }
    try SafetensorsWriter.write(arrays, to: url)
  }
}
