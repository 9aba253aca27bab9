/// How a matrix product is shared among workers: blocks of rows times groups of panels, taken by
/// who is free.
struct WorkSplit {
  /// Most rows in a block, so that a part of them stays in the L2 cache while the panels pass by.
  static let maxRows = 256
  /// Most rows whose hidden rows all workers share at once.
  static let slabRows = 1024
  /// Fewer rows than this in a block, and a chain of products waits for its weights.
  static let fewRows = 28
  /// The same for weights that stay in each worker's cache.
  private static let fewestRows = 14
  /// Numbers of such weights, 600 kB.
  private static let cachedWeights = 150_000
  /// Tasks for each worker: a core that is disturbed then leaves its share to the others.
  private static let tasksPerWorker = 6
  /// The same for rows that do not fit into the L2 cache together, which every task reads anew.
  private static let tasksPerWorkerOfManyNumbers = 3
  private static let manyNumbers = 150_000
  /// Numbers of the hidden rows that one worker holds, 600 kB: the L2 cache of a current core.
  private static let hiddenNumbers = 150_000

  let rows: Int
  let panels: Int
  let rowBlocks: Int
  let panelGroups: Int

  /// Whether every worker takes rows of its own through a chain of products whose hidden rows are
  /// `hidden` wide, and which reads so many weights.
  static func isChained(rows: Int, hidden: Int, weights: Int, threads: Int) -> Bool {
    let few = weights <= cachedWeights ? fewestRows : fewRows
    return rows >= few * threads && chainRows(hidden: hidden) >= few
  }

  /// Most rows of a chain whose hidden rows are `hidden` wide.
  static func chainRows(hidden: Int) -> Int {
    min(196, max(1, hiddenNumbers / max(1, hidden)))
  }

  /// A product of `rows`, each `depth` long, in `panels`.
  init(rows: Int, depth: Int, panels: Int, threads: Int) {
    self.rows = rows
    self.panels = panels
    let leastBlocks = (rows + Self.maxRows - 1) / Self.maxRows
    let tasks =
      threads
      * (rows / leastBlocks * depth > Self.manyNumbers
        ? Self.tasksPerWorkerOfManyNumbers : Self.tasksPerWorker)
    panelGroups = threads == 1 ? 1 : min(panels, max(1, (tasks + leastBlocks - 1) / leastBlocks))
    // Too few panels for all workers: smaller blocks of rows.
    let blocks = threads == 1 ? 1 : (tasks + panelGroups - 1) / panelGroups
    rowBlocks = max(leastBlocks, min(blocks, rows / Self.fewestRows))
  }

  /// Chains of products over blocks of rows, about as many for each worker.
  init(chainedRows rows: Int, hidden: Int, threads: Int) {
    self.rows = rows
    panels = 1
    panelGroups = 1
    let most = Self.chainRows(hidden: hidden)
    let least = (rows + most - 1) / most
    rowBlocks = (least + threads - 1) / threads * threads
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
