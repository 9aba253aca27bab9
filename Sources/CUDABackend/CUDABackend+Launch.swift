import CCUDA
import Tensors

/// One parameter of a kernel.
enum KernelArgument {
  case address(UnsafeMutableRawPointer?)
  case tensor(Tensor?)
  case int(Int)
  case long(Int)
  case unsignedLong(UInt64)
  case float(Float)

  /// The value in the low bytes of 64 bits.
  fileprivate var bits: UInt64 {
    switch self {
    case .address(let address): UInt64(UInt(bitPattern: address))
    case .tensor(let tensor): UInt64(UInt(bitPattern: tensor?.storage.address))
    case .int(let value): UInt64(UInt32(bitPattern: Int32(value)))
    case .long(let value): UInt64(bitPattern: Int64(value))
    case .unsignedLong(let value): value
    case .float(let value): UInt64(value.bitPattern)
    }
  }
}

extension CUDABackend {
  /// The ending of kernel names for this activation type.
  var suffix: String {
    switch activationType {
    case .float16: "_f16"
    case .bfloat16: "_bf16"
    default: "_f32"
    }
  }

  /// Whether our GEMM kernels use tensor cores: float16 from compute capability 7.5, bfloat16 from
  /// 8.0.
  var usesTensorCores: Bool {
    let capability = 10 * card.facts.major + card.facts.minor
    return switch activationType {
    case .float16: capability >= 75
    case .bfloat16: capability >= 80
    default: false
    }
  }

  /// Whether attention uses tensor cores: also float32 if it may be rounded to tf32.
  var attendsOnTensorCores: Bool { usesTensorCores || precision == .tf32 }

  static func blocks(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }

  /// The length of patch rows, padded to a multiple of eight values for tensor cores.
  static func padded(_ count: Int) -> Int { (count + 7) / 8 * 8 }

  /// Enqueues a kernel, unless its grid is empty.
  ///
  /// - Parameter overlaps: Whether the kernel itself waits for the previous one
  ///   (`wait_for_previous` in common.cuh), so that it may start before that has finished.
  func launch(
    _ name: String, grid: (Int, Int, Int), block: Int, shared: Int = 0, overlaps: Bool = false,
    _ arguments: KernelArgument...
  ) {
    launch(
      name, grid: grid, block: block, shared: shared, overlaps: overlaps, arguments: arguments)
  }

  func launch(
    _ name: String, grid: (Int, Int, Int), block: Int, shared: Int = 0, overlaps: Bool = false,
    arguments: [KernelArgument]
  ) {
    guard grid.0 > 0, grid.1 > 0, grid.2 > 0 else { return }
    card.attempt { () throws(CUDAError) in
      let function = try kernels.function(name, sharedBytes: shared)
      launches?.add(
        work: currentWork, kernel: name, function, blocks: grid.0 * grid.1 * grid.2,
        threads: block, shared: shared)
      var slots = arguments.map(\.bits)
      let code = slots.withUnsafeMutableBytes { bytes in
        var pointers = arguments.indices.map { index in bytes.baseAddress.map { $0 + 8 * index } }
        pointers.append(nil)
        if overlaps, card.overlapsKernels, let launch = card.driver.cuLaunchKernelEx {
          var attribute = lab_cuda_launch_attribute()
          attribute.id = LAB_CUDA_LAUNCH_PROGRAMMATIC_SERIALIZATION.code
          attribute.value.number = 1
          return withUnsafeMutablePointer(to: &attribute) { attribute in
            var description = lab_cuda_launch(
              grid_x: UInt32(grid.0), grid_y: UInt32(grid.1), grid_z: UInt32(grid.2),
              block_x: UInt32(block), block_y: 1, block_z: 1, shared_bytes: UInt32(shared),
              stream: card.stream, attributes: attribute, attribute_count: 1)
            return launch(&description, function, &pointers, nil)
          }
        }
        return card.driver.cuLaunchKernel(
          function, UInt32(grid.0), UInt32(grid.1), UInt32(grid.2), UInt32(block), 1, 1,
          UInt32(shared), card.stream, &pointers, nil)
      }
      try card.check(code, "starting \(name)")
    }
  }

  /// The address of a scratch tensor that `reserve` allocated.
  func scratch(_ part: KeyPath<CUDAScratch, Tensor?>) -> UnsafeMutableRawPointer {
    guard let tensor = scratch[keyPath: part] else {
      preconditionFailure("scratch memory is reserved before the first pass")
    }
    return tensor.storage.address
  }
}
