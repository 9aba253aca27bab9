import Foundation
import Tensors

extension DeviceKind {
  /// The processor that the program runs on.
  package static let cpu = DeviceKind(
    name: "cpu", title: "the cpu", isAlwaysPresent: true,
    precisions: [.float32, .bfloat16, .int8], engines: EngineChoice.names,
    float32Engines: ["blas": "packed"],
    open: { _, threads in try CPUBackend(threads: threads) },
    inventory: {
      let processor = try CPUBackend(engines: .tried())
      let gibibytes = Int((Double(ProcessInfo.processInfo.physicalMemory) / 0x1p30).rounded())
      return [
        "cpu   \(processor.hardware), \(processor.threads) threads, \(gibibytes) GiB of memory"
      ] + processor.engineLines.map { "      \($0)" }
    })
}
