/// The head widths that the attention kernels support.
enum HeadWidth {
  static func isSupported(_ width: Int) -> Bool { width <= 128 && width % 8 == 0 }
}

/// How an attention is distributed over a GPU: the table in `Kernels/README.md` as code.
struct AttentionLaunch: Equatable {
  let kernel: String
  let grid: (Int, Int, Int)
  let block: Int
  let shared: Int
  /// Groups of warps that share the keys of one row block; `nil` where the kernel takes none.
  let keyGroups: Int?

  static func == (left: AttentionLaunch, right: AttentionLaunch) -> Bool {
    left.kernel == right.kernel && left.grid == right.grid && left.block == right.block
      && left.shared == right.shared && left.keyGroups == right.keyGroups
  }

  /// - Parameter suffix: `_f16` and so on.
  init(
    batch: Int, tokens: Int, heads: Int, headDim: Int, multiprocessors: Int, sharedBytes: Int,
    tensorCores: Bool, suffix: String
  ) {
    let width = headDim <= 32 ? 32 : headDim <= 64 ? 64 : 128
    // Too few blocks to fill the card: smaller ones.
    let isSmall = batch * heads * ((tokens + 63) / 64) < 2 * multiprocessors
    if tensorCores {
      // Of tf32 numbers, which are stored as float32, half as many fit.
      let isTF32 = suffix == "_f32"
      let tile = (width == 128 ? 32 : 64) / (isTF32 ? 2 : 1)
      let tiles = (tokens + tile - 1) / tile
      let tileBytes = isTF32 ? 8 * tile * (width + 4) : 4 * tile * (width + 8)
      // Two warps read the keys once between them, where the card is full all the same.
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

  /// Of 4 to 8 warps the number whose rows, computed in vain or not, take the least time: by how
  /// many warps a multiprocessor holds of blocks of that size, the larger of equals.
  ///
  /// - Parameters:
  ///   - shared: Bytes that a block asks for.
  ///   - sharedBytes: Bytes that the card gives a block.
  private static func warps(tokens: Int, width: Int, shared: Int, sharedBytes: Int) -> Int {
    let blocks = (tokens + 15) / 16
    func cost(_ warps: Int) -> Double {
      let rows = Double((blocks + warps - 1) / warps * warps)
      let resident = Occupancy.warps(
        block: 32 * warps, registers: registers(width), shared: shared, ofBlock: sharedBytes)
      // Half as many warps as hide the latency of a tensor core's product take about as long.
      return rows / min(1, Double(resident) / 12)
    }
    return (4...8).reversed().min { cost($0) < cost($1) } ?? 4
  }

  /// Registers of a thread that the compiler gives the kernels; a test compares them.
  static func registers(_ width: Int) -> Int { width == 32 ? 120 : width == 64 ? 128 : 192 }
}

/// How the sums of received attention are distributed over a GPU.
struct ReceivedLaunch: Equatable {
  let kernel: String
  let keyBlocks: Int
  let rowBlocks: Int
  /// Further rows of blocks that score what tokens hold.
  let featureRows: Int
  let block: Int
  let shared: Int

  /// - Parameter sharedBytes: The most shared memory of a block: 48 KB before compute capability
  ///   7.0.
  init(
    batch: Int, tokens: Int, heads: Int, multiprocessors: Int, sharedBytes: Int, tensorCores: Bool,
    hasFeatures: Bool
  ) {
    let blocks = (tokens + 63) / 64
    let core = tensorCores ? "mma" : "fma"
    if batch * blocks * blocks < multiprocessors {
      // For each warp 16 rows and 64 keys of 72 halves, or 32 keys of 36 floats.
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

  /// The most sums that small row blocks make: `batch · ⌈N / 64⌉²` is below the multiprocessors
  /// then.
  static func maxPartialsOfSmall(_ multiprocessors: Int) -> Int { 4 * 64 * multiprocessors }
}
