/// How many warps of a kernel a multiprocessor holds at once.
///
/// Source: NVIDIA's `cuda_occupancy.h`: registers are allocated to warps in units of 256, shared
/// memory to blocks in units of 128 bytes; from compute capability 8.0 on, the system reserves 1 KB
/// per block.
enum Occupancy {
  /// Limits of one multiprocessor.
  struct Limits: Hashable {
    let warps: Int
    let blocks: Int
    let registers: Int
    let sharedBytes: Int
    /// Shared memory that the system reserves for each block.
    let reservedBytes: Int

    /// Source: CUDA C++ Programming Guide, "Technical Specifications per Compute Capability".
    static func of(major: Int, minor: Int) -> Limits {
      switch (major, minor) {
      case (..<7, _): Limits(warps: 64, blocks: 32, registers: 65536, sharedKB: 64, reserved: 0)
      case (7, 5): Limits(warps: 32, blocks: 16, registers: 65536, sharedKB: 64, reserved: 0)
      case (7, _): Limits(warps: 64, blocks: 32, registers: 65536, sharedKB: 96, reserved: 0)
      case (8, 0): Limits(warps: 64, blocks: 32, registers: 65536, sharedKB: 164, reserved: 1024)
      case (8, 7): Limits(warps: 48, blocks: 16, registers: 65536, sharedKB: 164, reserved: 1024)
      case (8, 9): Limits(warps: 48, blocks: 24, registers: 65536, sharedKB: 100, reserved: 1024)
      case (8, _): Limits(warps: 48, blocks: 16, registers: 65536, sharedKB: 100, reserved: 1024)
      case (12, _): Limits(warps: 48, blocks: 24, registers: 65536, sharedKB: 100, reserved: 1024)
      default: Limits(warps: 64, blocks: 32, registers: 65536, sharedKB: 228, reserved: 1024)
      }
    }

    private init(warps: Int, blocks: Int, registers: Int, sharedKB: Int, reserved: Int) {
      self.warps = warps
      self.blocks = blocks
      self.registers = registers
      sharedBytes = sharedKB << 10
      reservedBytes = reserved
    }
  }

  /// The number of blocks that one multiprocessor holds at once; 0 if not even one fits.
  ///
  /// - Parameters:
  ///   - block: Threads of a block.
  ///   - registers: Registers of a thread.
  ///   - shared: Bytes of shared memory of a block.
  static func blocks(_ limits: Limits, block: Int, registers: Int, shared: Int) -> Int {
    let warps = (block + 31) / 32
    let perWarp = (registers * 32 + 255) / 256 * 256
    let perBlock = (shared + limits.reservedBytes + 127) / 128 * 128
    // Each of the four schedulers has a quarter of the registers, and each warp belongs to one of
    // them.
    let warpsByRegisters = limits.registers / 4 / max(1, perWarp) * 4
    return min(
      limits.blocks, limits.warps / warps, warpsByRegisters / warps,
      perBlock == 0 ? limits.blocks : limits.sharedBytes / perBlock)
  }

  /// The number of warps that a multiprocessor holds at once; the limits of the GPU are derived
  /// from the maximum shared memory of a block, `sharedBytes`.
  static func warps(block: Int, registers: Int, shared: Int, ofBlock sharedBytes: Int) -> Int {
    let limits =
      sharedBytes > 200 << 10
      ? Limits.of(major: 9, minor: 0)
      : sharedBytes > 100 << 10
        ? Limits.of(major: 8, minor: 0)
        : sharedBytes > 64 << 10 ? Limits.of(major: 8, minor: 6) : Limits.of(major: 7, minor: 5)
    return block / 32 * blocks(limits, block: block, registers: registers, shared: shared)
  }
}
