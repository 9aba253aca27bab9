import Foundation
import Support

/// The machine: the part of a record's provenance that does not change while a program runs.
package struct MachineFacts: Hashable, Sendable {
  package let host: String
  package let system: String
  package let processor: String
  /// The number of cores that this process may use.
  package let cores: Int
  package let memoryBytes: Int

  /// The machine that this process runs on.
  package static let current = MachineFacts(
    host: hostName(), system: ProcessInfo.processInfo.operatingSystemVersionString,
    processor: Processor.name, cores: ProcessInfo.processInfo.activeProcessorCount,
    memoryBytes: Int(ProcessInfo.processInfo.physicalMemory))

  package init(host: String, system: String, processor: String, cores: Int, memoryBytes: Int) {
    self.host = host
    self.system = system
    self.processor = processor
    self.cores = cores
    self.memoryBytes = memoryBytes
  }

  /// The system's own name, without a network request.
  private static func hostName() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
    let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return bytes.isEmpty ? "unknown" : String(decoding: bytes, as: UTF8.self)
  }
}
