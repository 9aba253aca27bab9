/// How a GEMM is divided among workers: into tasks of one block of rows and one group of panels.
struct WorkSplit {
  /// Maximum rows of a block: a part of them stays in the L2 cache for all panels.
  static let maxRows = 256
  /// Maximum rows of a slab, whose hidden rows all workers share.
  static let slabRows = 1024
  /// Minimum rows per worker for fusing GEMMs: with fewer, loading weights takes longer than the
  /// arithmetic.
  static let minimumRowsForFusion = 28
  /// The same, for weights that stay in each worker's cache.
  private static let minimumRowsForFusionOfCachedWeights = 14
  /// Floats of rows or weights that stay in the L2 cache of a current core next to streamed data:
  /// 600 kB.
  private static let floatsPerL2 = 150_000
  /// Tasks per worker: several, so that others can take over those of a disturbed core.
  private static let tasksPerWorker = 6
  /// The same, for rows that do not fit into the L2 cache together, so that every task reads them
  /// again.
  private static let tasksPerWorkerBeyondL2 = 3

  let rows: Int
  let panels: Int
  let rowBlocks: Int
  let panelGroups: Int

  /// Whether each worker takes its own rows through a chain of GEMMs with hidden rows of `hidden`
  /// floats and weights of `weights` floats in total.
  static func isChained(rows: Int, hidden: Int, weights: Int, threads: Int) -> Bool {
    let minimum =
      weights <= floatsPerL2 ? minimumRowsForFusionOfCachedWeights : minimumRowsForFusion
    return rows >= minimum * threads && chainRows(hidden: hidden) >= minimum
  }

  /// Maximum rows of a block in a chain with hidden rows of `hidden` floats.
  static func chainRows(hidden: Int) -> Int {
    min(196, max(1, floatsPerL2 / max(1, hidden)))
  }

  /// A GEMM of `rows` rows of length `k` by `panels` panels.
  init(rows: Int, k: Int, panels: Int, threads: Int) {
    self.rows = rows
    self.panels = panels
    let minimumBlocks = (rows + Self.maxRows - 1) / Self.maxRows
    let tasks =
      threads
      * (rows / max(1, minimumBlocks) * k > Self.floatsPerL2
        ? Self.tasksPerWorkerBeyondL2 : Self.tasksPerWorker)
    panelGroups =
      threads == 1
      ? 1 : min(panels, max(1, (tasks + minimumBlocks - 1) / max(1, minimumBlocks)))
    // If there are too few panels for all workers, use smaller blocks of rows.
    let blocks = threads == 1 ? 1 : (tasks + panelGroups - 1) / panelGroups
    rowBlocks = max(
      minimumBlocks, min(blocks, rows / Self.minimumRowsForFusionOfCachedWeights))
  }

  /// Chains of GEMMs over blocks of rows, about equally many for each worker.
  init(chainedRows rows: Int, hidden: Int, threads: Int) {
    self.rows = rows
    panels = 1
    panelGroups = 1
    let maximum = Self.chainRows(hidden: hidden)
    let minimumBlocks = (rows + maximum - 1) / maximum
    rowBlocks = (minimumBlocks + threads - 1) / threads * threads
  }

  var count: Int { rowBlocks * panelGroups }

  func rowRange(_ task: Int) -> Range<Int> {
    let block = task / panelGroups
    return (rows * block / rowBlocks)..<(rows * (block + 1) / rowBlocks)
  }

  func panelRange(_ task: Int) -> Range<Int> {
    let group = task % panelGroups
    return (panels * group / panelGroups)..<(panels * (group + 1) / panelGroups)
  }
}
