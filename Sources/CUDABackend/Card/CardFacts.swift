import CCUDA

/// The properties of a GPU.
package struct CardFacts: Hashable, Sendable {
  package let index: Int
  package let name: String
  /// Compute capability, such as 9 and 0.
  package let major: Int
  package let minor: Int
  package let multiprocessors: Int
  package let memoryBytes: Int
  package let clockMHz: Int
  package let memoryClockMHz: Int
  package let l2Bytes: Int
  /// The maximum shared memory of a block.
  package let sharedBytes: Int
  /// Domain, bus and device as NVML expects them.
  package let bus: String
  /// Whether it shares memory with the CPU, as Jetson boards do.
  package let isIntegrated: Bool

  package var capability: String { "\(major).\(minor)" }

  /// Queries the driver for all GPUs.
  ///
  /// - Throws: `CUDAError.noCard` if there is none.
  package static func all(_ libraries: CUDALibraries) throws(CUDAError) -> [CardFacts] {
    let driver = libraries.driver.pointee
    var count: Int32 = 0
    let code = driver.cuDeviceGetCount(&count)
    guard code == 0, count > 0 else {
      let reason = CUDALibraries.text(libraries.driver, code)
      throw .noCard(
        reason: code == 0
          ? "it counts 0 cards; CUDA_VISIBLE_DEVICES may hide them"
          : "cuDeviceGetCount says \(reason.code), \(reason.text)")
    }
    return (0..<Int(count)).map { CardFacts(index: $0, libraries.driver) }
  }

  private init(index: Int, _ driver: UnsafeMutablePointer<lab_cuda_driver>) {
    self.index = index
    var device: Int32 = 0
    _ = driver.pointee.cuDeviceGet(&device, Int32(index))
    func attribute(_ number: Int) -> Int {
      var value: Int32 = 0
      return driver.pointee.cuDeviceGetAttribute(&value, Int32(number), device) == 0
        ? Int(value) : 0
    }
    var text = [CChar](repeating: 0, count: 256)
    _ = driver.pointee.cuDeviceGetName(&text, 255, device)
    name = String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    var bytes = 0
    _ = driver.pointee.cuDeviceTotalMem_v2(&bytes, device)
    memoryBytes = bytes
    major = attribute(LAB_CUDA_CAPABILITY_MAJOR)
    minor = attribute(LAB_CUDA_CAPABILITY_MINOR)
    multiprocessors = attribute(LAB_CUDA_MULTIPROCESSORS)
    clockMHz = attribute(LAB_CUDA_CLOCK_KILOHERTZ) / 1000
    memoryClockMHz = attribute(LAB_CUDA_MEMORY_CLOCK_KILOHERTZ) / 1000
    l2Bytes = attribute(LAB_CUDA_L2_BYTES)
    sharedBytes = max(
      attribute(LAB_CUDA_MAX_SHARED_MEMORY_OPTIN), attribute(LAB_CUDA_MAX_SHARED_MEMORY))
    isIntegrated = attribute(LAB_CUDA_INTEGRATED) != 0
    func hex(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    bus =
      hex(attribute(LAB_CUDA_PCI_DOMAIN), 8) + ":" + hex(attribute(LAB_CUDA_PCI_BUS), 2) + ":"
      + hex(attribute(LAB_CUDA_PCI_DEVICE), 2) + ".0"
  }
}
