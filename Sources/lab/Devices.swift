import CPUBackend
import CUDABackend
import Tensors

/// The kinds of devices of the program; a new one is one line here.
enum Devices {
  static let all = DeviceKinds([
    .cpu,
    .cuda,
  ])
}
