import Foundation
import SimulatedDevices

/// The file of a simulated device: it is read, written and read again.
enum DeviceInput {
  static func read(_ bytes: [UInt8], _ folder: URL) throws {
    let device = try DeviceFile.read(Data(bytes), file: "device.json")
    let text = try DeviceFile.text(device)
    _ = try DeviceFile.read(Data(text.utf8), file: "again.json")
  }
}
