import Files
import Foundation
import Records
import SimulatedDevices
import Tensors

extension PlannedDevice {
  /// The simulated device that a spec names.
  ///
  /// - Parameter file: Turns a device file's path as written into one to open.
  /// - Throws: `SimulatedDevicesError`.
  static func simulated(
    _ choice: SimulatedChoice, file: (String) -> String
  ) throws -> PlannedDevice {
    let isFile = choice.device.hasSuffix(".json")
    let description = try DeviceCatalog.device(isFile ? file(choice.device) : choice.device)
    let model = try CostModel(
      device: description, precision: choice.precision, execution: choice.execution)
    let digest = SHA256.hash(data: Data(try DeviceFile.text(description).utf8))
    return PlannedDevice(
      backend: CountingDevice(precision: model.precision),
      setting: DeviceSetting(
        name: SimulatedDeviceName.prefix + description.name,
        hardware: "simulated \(description.title)", threads: 0,
        simulated: SimulationSetting(
          execution: model.execution.rawValue, precision: model.precision.rawValue,
          digest: digest.hexadecimal,
          checkedPoints: description.checked?.points,
          medianErrorPercent: description.checked?.medianPercent,
          worstErrorPercent: description.checked?.worstPercent)), simulation: model)
  }
}
