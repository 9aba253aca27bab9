import Tensors

extension DeviceKind {
  /// NVIDIA GPUs.
  package static let cuda = DeviceKind(
    name: "cuda", title: "a cuda device", isNumbered: true,
    precisions: [.float32, .tf32, .float16, .bfloat16], hasFlushableCache: true, hasTanhGELU: true,
    aliases: ["gpu"],
    open: { device, _ in try CUDABackend(device: device) },
    inventory: { CUDAInventory.ofThisMachine().lines })
}
