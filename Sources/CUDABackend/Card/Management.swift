import CCUDA
import Records

/// Clocks, temperature and throttling of one GPU, from NVML.
struct Management {
  private let table: UnsafeMutablePointer<lab_nvml>
  private let device: Handle

  /// `nil` if NVML is missing or does not support the GPU.
  init?(_ table: UnsafeMutablePointer<lab_nvml>?, bus: String) {
    guard let table else { return nil }
    var device: Handle = nil
    guard table.pointee.nvmlDeviceGetHandleByPciBusId_v2(bus, &device) == 0 else { return nil }
    self.table = table
    self.device = device
  }

  /// For example `580.65.06`.
  var driverVersion: String? {
    var text = [CChar](repeating: 0, count: 96)
    guard let read = table.pointee.nvmlSystemGetDriverVersion, read(&text, 96) == 0 else {
      return nil
    }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  func state() -> GPUState {
    var reasons: UInt64 = 0
    if let read = table.pointee.nvmlDeviceGetCurrentClocksEventReasons
      ?? table.pointee.nvmlDeviceGetCurrentClocksThrottleReasons
    {
      if read(device, &reasons) != 0 { reasons = 0 }
    }
    var celsius: UInt32 = 0
    let hasTemperature =
      table.pointee.nvmlDeviceGetTemperature.map {
        $0(device, Int32(LAB_NVML_TEMPERATURE_GPU), &celsius) == 0
      } ?? false
    return GPUState(
      clockMHz: clock(LAB_NVML_CLOCK_SM), memoryClockMHz: clock(LAB_NVML_CLOCK_MEMORY),
      celsius: hasTemperature ? Double(celsius) : nil, slowdowns: Self.words(reasons))
  }

  private func clock(_ kind: Int) -> Double? {
    var megahertz: UInt32 = 0
    guard let read = table.pointee.nvmlDeviceGetClockInfo,
      read(device, Int32(kind), &megahertz) == 0
    else { return nil }
    return Double(megahertz)
  }

  /// The reasons for throttling.
  ///
  /// Idling does not count, nor do application clocks, which are set on purpose.
  static func words(_ reasons: UInt64) -> [String] {
    let all: [(Int, String)] = [
      (LAB_NVML_REASON_POWER_CAP, "power cap"),
      (LAB_NVML_REASON_HARDWARE_SLOWDOWN, "hardware slowdown"),
      (LAB_NVML_REASON_SYNC_BOOST, "sync boost"),
      (LAB_NVML_REASON_SOFTWARE_THERMAL, "temperature (software)"),
      (LAB_NVML_REASON_HARDWARE_THERMAL, "temperature (hardware)"),
      (LAB_NVML_REASON_POWER_BRAKE, "power brake"),
    ]
    return all.filter { reasons & UInt64($0.0) != 0 }.map(\.1)
  }
}
