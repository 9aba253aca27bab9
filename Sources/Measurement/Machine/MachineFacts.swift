import Foundation

/// What the machine is: the part of a record's provenance that does not change while a program
/// runs.
package struct MachineFacts: Hashable, Sendable {
  package let host: String
  package let system: String
  package let processor: String
  /// Cores that this process may use.
  package let cores: Int
  package let memoryBytes: Int

  /// The machine that this process runs on.
  package static let current = MachineFacts(
    host: hostName(), system: ProcessInfo.processInfo.operatingSystemVersionString,
    processor: processorName(), cores: ProcessInfo.processInfo.activeProcessorCount,
    memoryBytes: Int(ProcessInfo.processInfo.physicalMemory))

  package init(host: String, system: String, processor: String, cores: Int, memoryBytes: Int) {
    self.host = host
    self.system = system
    self.processor = processor
    self.cores = cores
    self.memoryBytes = memoryBytes
  }

  /// The name the system gives itself, without asking the network.
  private static func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "unknown" : String(decoding: bytes, as: UTF8.self)
  }

  private static func processorName() -> String {
    #if os(Linux)
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      let names = ["model name", "Model", "Hardware", "cpu model"]
      for name in names {
        if let value = CPUInfo.values(of: name, in: text).first { return value }
      }
      return "unknown"
    #else
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var buffer = [CChar](repeating: 0, count: max(size, 1))
      sysctlbyname("machdep.cpu.brand_string", &buffer, &size, nil, 0)
      let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      return String(decoding: bytes, as: UTF8.self)
    #endif
  }
}

/// Reads the `name : value` lines of `/proc/cpuinfo`.
enum CPUInfo {
  /// The values of every line whose name is `name`, in order.
  static func values(of name: String, in text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == name else {
        return nil
      }
      let value = parts[1].trimmingCharacters(in: .whitespaces)
      return value.isEmpty ? nil : value
    }
  }
}
