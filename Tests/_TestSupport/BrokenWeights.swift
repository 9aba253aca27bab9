import Foundation
import Tensors

/// Copies of weight files in which one tensor contains NaN or infinity.
package enum BrokenWeights {
  /// Writes a copy of `source` in which the first element of tensor `key`, or every element, is
  /// `value`.
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
