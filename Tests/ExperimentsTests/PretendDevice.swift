import CPUBackend
import Tensors

/// A device of one more kind: one thread of the processor under another name.
extension DeviceKind {
  static let pretend = DeviceKind(
    name: "pretend", title: "a pretend device", isNumbered: true, precisions: [.float32],
    open: { device, _ in PretendBackend(name: device, wrapped: try CPUBackend(threads: 1)) },
    inventory: { ["pretend  one thread of the processor"] })
}

/// Hands every operation to another backend; a device of its own carries them out.
final class PretendBackend: WrappedBackend {
  let name: String
  let wrapped: any Backend

  init(name: String, wrapped: any Backend) {
    self.name = name
    self.wrapped = wrapped
  }

  func observe(_ operation: PassOperation, _ body: (any Backend) -> Void) { body(wrapped) }
}
