import Foundation

/// What the machine says of its processor.
package enum Processor {
  /// `AMD EPYC 9654 96-Core Processor`, or the architecture where it is unknown.
  package static let name: String = {
    #if os(Linux)
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      return name(in: text) ?? architecture
    #else
      var size = 0
      sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var bytes = [UInt8](repeating: 0, count: max(size, 1))
      sysctlbyname("machdep.cpu.brand_string", &bytes, &size, nil, 0)
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #endif
  }()

  /// The name in the text of `/proc/cpuinfo`: x86 calls it `model name`, boards with ARM `Model` or
  /// `Hardware`, MIPS `cpu model`.
  package static func name(in text: String) -> String? {
    ["model name", "Model", "Hardware", "cpu model"].lazy
      .compactMap { values(of: $0, in: text).first }.first
  }

  /// The values of every line `key : value` of `/proc/cpuinfo`, in order.
  package static func values(of key: String, in text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == key else {
        return nil
      }
      let value = parts[1].trimmingCharacters(in: .whitespaces)
      return value.isEmpty ? nil : value
    }
  }

  private static var architecture: String {
    var system = utsname()
    uname(&system)
    return withUnsafeBytes(of: &system.machine) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
