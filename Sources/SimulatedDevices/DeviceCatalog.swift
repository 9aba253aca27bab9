import Foundation
import Tensors

/// The simulated devices included in the program.
package enum DeviceCatalog {
  /// In the order in which they are listed.
  private static let files: [(name: String, text: String)] = [
    ("jetson_tx2", EmbeddedText.jetson_tx2_json),
    ("agx_orin_32gb", EmbeddedText.agx_orin_32gb_json),
    ("a100_80gb", EmbeddedText.a100_80gb_json),
    ("v100_16gb", EmbeddedText.v100_16gb_json),
    ("rtx_3090", EmbeddedText.rtx_3090_json),
    ("rtx_4090", EmbeddedText.rtx_4090_json),
  ]

  package static var names: [String] { files.map(\.name) }

  /// A device by its name, or by the path of a file that ends in `.json`.
  ///
  /// - Throws: `SimulatedDevicesError`.
  package static func device(_ name: String) throws -> DeviceDescription {
    if name.hasSuffix(".json") { return try DeviceFile.read(path: name) }
    guard let file = files.first(where: { $0.name == name }) else {
      throw SimulatedDevicesError.unknownDevice(name: name, known: names)
    }
    return try DeviceFile.read(Data(file.text.utf8), file: "\(name).json")
  }
}

/// The text form of a simulated device: `jetson_tx2`, `jetson_tx2:graph`, `my_board.json`.
package struct SimulatedDeviceName: Hashable, Sendable {
  package let device: String
  package let execution: Execution
  /// The prefix that distinguishes it from real devices.
  package static let prefix = "simulated:"

  /// - Parameter text: Without the prefix. An execution other than `eager` follows a colon.
  package init(_ text: String) {
    let suffix = ":" + Execution.graph.rawValue
    execution = text.hasSuffix(suffix) ? .graph : .eager
    device = execution == .graph ? String(text.dropLast(suffix.count)) : text
  }
}
