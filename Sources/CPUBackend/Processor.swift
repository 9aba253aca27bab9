import CKernels
import Foundation

/// What the machine says of its processor.
package enum Processor {
  /// `AMD EPYC 9654 96-Core Processor`, or the architecture where the system does not tell.
  package static let name: String = {
    #if os(Linux)
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      for line in text.split(separator: "\n") where line.hasPrefix("model name") {
        if let colon = line.firstIndex(of: ":") {
          return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
      }
      var system = utsname()
      uname(&system)
      return withUnsafeBytes(of: &system.machine) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
    #else
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var bytes = [UInt8](repeating: 0, count: size)
      sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #endif
  }()

  /// Cores that this process may run on, which a container or `taskset` may limit.
  package static let availableCores: Int = {
    let cores = Int(lab_available_cores())
    return cores > 0 ? cores : ProcessInfo.processInfo.activeProcessorCount
  }()
}
