import CPUBackend
import CUDABackend
import Experiments
import Foundation
import Tensors

/// The one place that picks a backend.
enum Backends {
  /// A backend for a device as a spec spells it.
  ///
  /// - Throws: `ExperimentsError.impossible` for a device that this machine does not have.
  static func make(_ device: String, threads: Int?) throws -> any Backend {
    if device == "cpu" { return try CPUBackend(threads: threads) }
    do {
      return try CUDABackend(device: device)
    } catch {
      throw ExperimentsError.impossible(
        subject: "device \"\(device)\"", message: "\(error); `lab devices` lists what is here")
    }
  }
}
