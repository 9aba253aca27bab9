/// How a matrix product is divided among workers: blocks of rows times groups of panels, each taken
/// by a free worker.
struct WorkSplit {
  /// Maximum rows of a block, so that a part of them stays in the L2 cache while the panels pass
  /// by.
  static let maxRows = 256
  /// Maximum rows whose hidden rows all workers share at once.
  static let slabRows = 1024
  /// Minimum rows of a worker for fusing products: with fewer, a chain of them waits for its
  /// weights.
  static let minimumRowsForFusion = 28
  /// The same for weights that stay in each worker's cache.
  private static let minimumRowsForFusionOfCachedWeights = 14
  /// Floats that stay in the L2 cache of a current core along with what passes through it: 600 kB
  /// of rows or weights.
  private static let floatsPerL2 = 150_000
  /// The number of tasks per worker, so that others can take over tasks of a disturbed core.
  private static let tasksPerWorker = 6
  /// The same for rows that do not fit into the L2 cache together, which every task reads anew.
  private static let tasksPerWorkerBeyondL2 = 3

  let rows: Int
  let panels: Int
  let rowBlocks: Int
  let panelGroups: Int

  /// Whether every worker takes its own rows through a chain of products whose hidden rows are
  /// `hidden` floats long, and which reads `weights` floats of weights.
  static func isChained(rows: Int, hidden: Int, weights: Int, threads: Int) -> Bool {
    let minimum =
      weights <= floatsPerL2 ? minimumRowsForFusionOfCachedWeights : minimumRowsForFusion
    return rows >= minimum * threads && chainRows(hidden: hidden) >= minimum
  }

  /// Maximum rows of a chain whose hidden rows are `hidden` floats long.
  static func chainRows(hidden: Int) -> Int {
    min(196, max(1, floatsPerL2 / max(1, hidden)))
  }

  /// A product of `rows`, each `k` long, in `panels`.
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
    // Too few panels for all workers: smaller blocks of rows.
    let blocks = threads == 1 ? 1 : (tasks + panelGroups - 1) / panelGroups
    rowBlocks = max(
      minimumBlocks, min(blocks, rows / Self.minimumRowsForFusionOfCachedWeights))
  }

  /// Chains of products over blocks of rows, about as many for each worker.
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
