import CPUBackend
import CUDABackend
import Tensors

/// The devices that the program has; one more is its line here.
enum Devices {
  static let all = DeviceKinds([
    .cpu,
    .cuda,
  ])
}
