import CPUBackend
import CUDABackend
import Experiments
import Foundation
import Tensors

/// The one place that opens a backend.
enum Backends {
  private typealias Opener = @Sendable (_ device: String, _ threads: Int?) throws -> any Backend

  /// How a device of each kind is opened.
  private static let openers: [DeviceKind: Opener] = [
    .cpu: { _, threads in try CPUBackend(threads: threads) },
    .cuda: { device, _ in try CUDABackend(device: device) },
  ]

  /// A backend for a device as a spec spells it.
  ///
  /// - Throws: `ExperimentsError.impossible` for a device that this machine does not have.
  static func make(_ device: String, threads: Int?) throws -> any Backend {
    guard let kind = DeviceKind.of(device), let open = openers[kind] else {
      throw ExperimentsError.impossible(
        subject: "device \"\(device)\"",
        message: "is not a device; it must be \(DeviceKind.expectation)")
    }
    do {
      return try open(device, threads)
    } catch  where !kind.isAlwaysPresent {
      throw ExperimentsError.impossible(
        subject: "device \"\(device)\"", message: "\(error); `lab devices` lists what is here")
    }
  }
}
