import CPUBackend
import Experiments
import Foundation
import Tensors

/// The one place that picks a backend.
enum Backends {
  /// A backend for a device as a spec spells it.
  ///
  /// Errors: `ExperimentsError.impossible` for a device that this machine does not have.
  static func make(_ device: String, threads: Int?) throws -> any Backend {
    if device == "cpu" { return try CPUBackend(threads: threads) }
    throw ExperimentsError.impossible(
      subject: "device \"\(device)\"", message: "not available here; `lab devices` lists what is")
  }
}
