import ArgumentParser
import CPUBackend
import CUDABackend
import Foundation
import Goldens
import Measurement
import SimulatedDevices

/// `lab devices`.
struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Says which devices are here, and why others are not.",
    discussion: """
      Examples:
        lab devices
        lab devices --check cuda
        lab devices --check cuda --goldens Tests/Fixtures/goldens

      --check runs every method on the device and on the processor, in every precision of the device, and compares \
      the logits and the tokens kept: what to run first on a new card. With --goldens it compares with stored passes of \
      the published implementations instead.
      """)

  @Option(help: "Compare this device with the processor: 'cuda' or 'cuda:N'.")
  var check: String?

  @Option(
    help: "Compare with the stored passes in this folder instead of the processor.",
    completion: .directory)
  var goldens: String?

  @Option(help: "Only comparisons whose line contains this, such as 'float16, vit_micro'.")
  var only: String?

  func validate() throws {
    guard check != nil || goldens == nil && only == nil else {
      throw ValidationError("--goldens and --only need a device to check: --check cuda")
    }
  }

  func run() throws {
    if let check {
      let subject = DeviceCheck(
        device: check, backend: try Backends.make(check, threads: nil), only: only ?? "")
      let report =
        try goldens.map {
          try subject.run(goldens: URL(fileURLWithPath: $0)) { print($0) }
        } ?? subject.run(reference: CPUBackend()) { print($0) }
      guard report.isGood else { throw ExitCode(Outcome.trialFailed) }
      return
    }
    let machine = MachineFacts.current
    let cpu = try CPUBackend(engines: .tried())
    let memory = Double(machine.memoryBytes) / 0x1p30
    print("cpu   \(cpu.hardware), \(cpu.threads) threads, \(Int(memory.rounded())) GiB of memory")
    for line in cpu.engineLines { print("      \(line)") }
    for line in CUDAInventory.ofThisMachine().lines { print(line) }
    print("")
    print("simulated, whose latencies are predicted and never measured:")
    for name in DeviceCatalog.names {
      let device = try DeviceCatalog.device(name)
      print("\(SimulatedDeviceName.prefix)\(name)  \(device.title)")
      print("      \(device.errorSentence)")
    }
  }
}
