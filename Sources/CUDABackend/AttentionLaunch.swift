/// The head widths that the attention kernels support.
enum HeadWidth {
  static func isSupported(_ width: Int) -> Bool { width <= 128 && width % 8 == 0 }
}

/// The launch configuration of attention: the table in `Kernels/README.md` as code.
struct AttentionLaunch: Equatable {
  let kernel: String
  let grid: (Int, Int, Int)
  let block: Int
  let shared: Int
  /// Groups of warps that divide the keys of one row block among them; `nil` if the kernel has no
  /// such parameter.
  let keyGroups: Int?

  static func == (left: AttentionLaunch, right: AttentionLaunch) -> Bool {
    left.kernel == right.kernel && left.grid == right.grid && left.block == right.block
      && left.shared == right.shared && left.keyGroups == right.keyGroups
  }

  /// - Parameters:
  ///   - multiprocessors: The GPU's multiprocessors.
  ///   - sharedBytes: The maximum shared memory of a block.
  ///   - suffix: The ending of the kernel's name, such as `_f16`.
  init(
    batch: Int, tokens: Int, heads: Int, headDim: Int, multiprocessors: Int, sharedBytes: Int,
    tensorCores: Bool, suffix: String
  ) {
    let width = headDim <= 32 ? 32 : headDim <= 64 ? 64 : 128
    // Too few blocks to fill the GPU, so smaller blocks are used.
    let isSmall = batch * heads * ((tokens + 63) / 64) < 2 * multiprocessors
    if tensorCores {
      // tf32 values are stored as float32, so half as many fit.
      let isTF32 = suffix == "_f32"
      let tile = (width == 128 ? 32 : 64) / (isTF32 ? 2 : 1)
      let tiles = (tokens + tile - 1) / tile
      let tileBytes = isTF32 ? 8 * tile * (width + 4) : 4 * tile * (width + 8)
      // Two warps per block read the keys only once between them; used if that still fills the GPU.
      let isFilledByTwo = batch * heads * ((tokens + 31) / 32) >= multiprocessors
      let warps =
        isSmall
        ? isFilledByTwo ? 2 : 1
        : Self.warps(
          tokens: tokens, width: width, shared: min(2, tiles) * tileBytes,
          sharedBytes: sharedBytes)
      func shared(_ groups: Int) -> Int {
        let steps = (tiles + groups - 1) / groups
        let keys = groups * min(2, steps) * tileBytes
        return max(keys, groups > 1 ? 64 * warps * groups * (width + 4) : 0)
      }
      let maximum = isSmall ? min(4, tiles) : 1
      let groups = (1...maximum).last { shared($0) <= sharedBytes } ?? 1
      kernel = "attention_mma_d\(width)\(suffix)"
      grid = ((tokens + 16 * warps - 1) / (16 * warps), heads, batch)
      block = 32 * warps * groups
      self.shared = shared(groups)
      keyGroups = groups
    } else {
      let rows = isSmall ? 16 : width == 128 ? 32 : 64
      kernel = "attention_fma_d\(width)_r\(rows)\(suffix)"
      grid = ((tokens + rows - 1) / rows, heads, batch)
      block = 128
      shared = 4 * ((rows + 32) * (width + 4) + 36 * rows)
      keyGroups = nil
    }
  }

  /// The number of warps per block, from 4 to 8, with the lowest estimated cost: the computed rows,
  /// including padding, with a penalty if a multiprocessor can hold only few warps.
  ///
  /// Of equal ones, the largest.
  ///
  /// - Parameters:
  ///   - shared: Bytes of shared memory per block.
  ///   - sharedBytes: The maximum shared memory of a block.
  private static func warps(tokens: Int, width: Int, shared: Int, sharedBytes: Int) -> Int {
    let blocks = (tokens + 15) / 16
    func cost(_ warps: Int) -> Double {
      let rows = Double((blocks + warps - 1) / warps * warps)
      let resident = Occupancy.warps(
        block: 32 * warps, registers: registers(width), shared: shared, ofBlock: sharedBytes)
      // With fewer than 12 resident warps, the latency of the tensor cores is not hidden.
      return rows / min(1, Double(resident) / 12)
    }
    return (4...8).reversed().min { cost($0) < cost($1) } ?? 4
  }

  /// Registers per thread of the compiled kernels; a test compares them.
  static func registers(_ width: Int) -> Int { width == 32 ? 120 : width == 64 ? 128 : 192 }
}

/// The launch configuration of the sums of received attention.
struct ReceivedLaunch: Equatable {
  let kernel: String
  let keyBlocks: Int
  let rowBlocks: Int
  /// Additional rows of blocks that compute feature scores.
  let featureRows: Int
  let block: Int
  let shared: Int

  /// - Parameter sharedBytes: The maximum shared memory of a block: 48 KB before compute capability
  ///   7.0.
  init(
    batch: Int, tokens: Int, heads: Int, multiprocessors: Int, sharedBytes: Int, tensorCores: Bool,
    hasFeatures: Bool
  ) {
    let blocks = (tokens + 63) / 64
    let core = tensorCores ? "mma" : "fma"
    if batch * blocks * blocks < multiprocessors {
      // Each warp stores 16 rows and 64 keys of 72 halves, or 32 keys of 36 floats.
      let bytes = tensorCores ? 80 * 72 * 2 : 48 * 36 * 4
      let warps = max(1, min(8, heads, sharedBytes / bytes))
      kernel = "received_attention_\(core)_heads"
      keyBlocks = tensorCores ? blocks : (tokens + 31) / 32
      rowBlocks = (tokens + 15) / 16
      block = 32 * warps
      shared = warps * bytes
    } else {
      kernel = "received_attention_\(core)"
      keyBlocks = blocks
      rowBlocks = blocks
      block = tensorCores ? 128 : 256
      shared = tensorCores ? 36_864 : 18_432
    }
    let perRow = keyBlocks * (block / 32)
    featureRows = hasFeatures ? (tokens + perRow - 1) / perRow : 0
  }

  /// The maximum number of partial sums with small row blocks, for which `batch · ⌈N / 64⌉²` is
  /// less than the number of multiprocessors.
  static func maxPartialsOfSmall(_ multiprocessors: Int) -> Int { 4 * 64 * multiprocessors }
}
