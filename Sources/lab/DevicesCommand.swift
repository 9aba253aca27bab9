import ArgumentParser
import CPUBackend
import CUDABackend
import Foundation
import Measurement

/// `lab devices`.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Says which devices are here, and why others are not.",
    discussion: """
      Examples:
        lab devices
        lab devices --check cuda

      --check runs every method on the device and on the processor, in every precision of the device, and compares \
      the logits and the tokens kept: what to run first on a new card.
      """)

  @Option(help: "Compare this device with the processor: 'cuda' or 'cuda:N'.")
  var check: String?

  func run() throws {
    if let check {
      let report = try DeviceCheck(device: check).run { print($0) }
      guard report.isGood else { throw ExitCode(Outcome.trialFailed) }
      return
    }
    let machine = MachineFacts.current
    let cpu = try CPUBackend()
    let memory = Double(machine.memoryBytes) / 0x1p30
    print("cpu   \(cpu.hardware), \(cpu.threads) threads, \(Int(memory.rounded())) GiB of memory")
    print("      \(cpu.libraryDescription)")
    for line in CUDAInventory.ofThisMachine().lines { print(line) }
  }
}
