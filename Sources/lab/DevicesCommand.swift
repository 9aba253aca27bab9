import ArgumentParser
import CPUBackend
import Foundation
import Measurement

/// `lab devices`.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Says which devices are here, and why others are not.",
    discussion: """
      Example:
        lab devices
      """)

  func run() throws {
    let machine = MachineFacts.current
    let cpu = try CPUBackend()
    let memory = Double(machine.memoryBytes) / 0x1p30
    print("cpu   \(cpu.hardware), \(cpu.threads) threads, \(Int(memory.rounded())) GiB of memory")
    print("      \(cpu.libraryDescription)")
    print("cuda  not available: this build has no CUDA backend")
  }
}
