import ArgumentParser
import Experiments
import Foundation
import Goldens
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

  @Option(help: "Compare this device with the processor, such as 'cuda'.")
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
        device: check, backend: try Devices.all.open(check, threads: nil), only: only ?? "")
      let report =
        try goldens.map {
          try subject.run(goldens: URL(fileURLWithPath: $0)) { print($0) }
        }
        ?? subject.run(reference: Devices.all.open(Devices.all.standard.name, threads: nil)) {
          print($0)
        }
      guard report.isGood else { throw ExitCode(Outcome.trialFailed) }
      return
    }
    for kind in Devices.all.kinds {
      for line in try kind.inventory() { print(line) }
    }
    print("")
    print("simulated, whose latencies are predicted and never measured:")
    for name in DeviceCatalog.names {
      let device = try DeviceCatalog.device(name)
      Console.list("\(SimulatedDeviceName.prefix)\(name)  \(device.title)", indent: 6)
      Console.list("      \(device.errorSentence)")
    }
  }
}
