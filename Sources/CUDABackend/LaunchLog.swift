import Records

/// Collects how the work of a pass is distributed over a GPU, while the pass is captured.
struct LaunchLog {
  private struct Entry: Hashable {
    let work: String
    let kernel: String
    var function: Handle = nil
    var blocks: Int?
    var threads: Int?
    var shared = 0
  }

  private var entries: [Entry] = []
  private var counts: [Entry: Int] = [:]

  private mutating func add(_ entry: Entry) {
    if counts[entry] == nil { entries.append(entry) }
    counts[entry, default: 0] += 1
  }

  /// Adds a launch of one of our kernels.
  mutating func add(
    work: String?, kernel: String, _ function: Handle, blocks: Int, threads: Int, shared: Int
  ) {
    add(
      Entry(
        work: work ?? kernel, kernel: kernel, function: function, blocks: blocks, threads: threads,
        shared: shared))
  }

  /// Adds a cuBLASLt call, identified by its algorithm.
  mutating func add(work: String, algorithm: String) {
    add(Entry(work: work, kernel: "library \(algorithm)"))
  }

  /// The distinct launches in the order of their first occurrence, with the number of blocks that
  /// the GPU holds at once.
  func kernels(on card: CUDACard) -> [KernelLaunch] {
    entries.map { entry in
      KernelLaunch(
        work: entry.work, kernel: entry.kernel, count: counts[entry] ?? 0, threads: entry.threads,
        blocks: entry.blocks,
        resident: entry.threads.flatMap {
          card.residentBlocks(entry.function, threads: $0, shared: entry.shared)
        })
    }
  }
}

extension CUDACard {
  /// The number of blocks of a kernel that all multiprocessors hold at once; `nil` if the driver
  /// does not report it.
  func residentBlocks(_ function: Handle, threads: Int, shared: Int) -> Int? {
    guard let ask = driver.cuOccupancyMaxActiveBlocksPerMultiprocessor else { return nil }
    makeCurrent()
    var blocks: Int32 = 0
    guard ask(&blocks, function, Int32(threads), shared) == 0, blocks > 0 else { return nil }
    return Int(blocks) * facts.multiprocessors
  }
}
