import CPUBackend
import Tensors

/// An additional kind of device: one thread of the CPU under another name.
extension DeviceKind {
  static let pretend = DeviceKind(
    name: "pretend", title: "a pretend device", isNumbered: true, precisions: [.float32],
    open: { device, _ in PretendBackend(name: device, wrapped: try CPUBackend(threads: 1)) },
    inventory: { ["pretend  one thread of the processor"] })
}

/// Forwards every operation to another backend; a real device would execute them.
final class PretendBackend: WrappedBackend {
  let name: String
  let wrapped: any Backend

  init(name: String, wrapped: any Backend) {
    self.name = name
    self.wrapped = wrapped
  }

  func observe(_ operation: PassOperation, _ body: (any Backend) -> Void) { body(wrapped) }
}
