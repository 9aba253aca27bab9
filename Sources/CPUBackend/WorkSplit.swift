/// How a matrix product is shared among workers: blocks of rows times blocks of columns.
///
/// A product of few rows spends its time packing the weights, so rows are split only into blocks that are worth it
/// and the columns do the rest: 197 rows by half the columns ran at 108 GFLOP/s a core where 99 rows by all of them ran at 99.
struct WorkSplit {
  /// Most rows in a block: a feed-forward network's hidden rows then stay near the core.
  static let mostRows = 256
  /// Fewer rows than this for each worker, and the columns are split too.
  private static let fewRows = 160
  /// Width that every kernel handles whole.
  private static let columnStep = 16

  let rows: Int
  let columns: Int
  let rowBlocks: Int
  let columnBlocks: Int

  /// Whether every worker can take rows of its own through a chain of products.
  static func byRowsAlone(rows: Int, threads: Int) -> Bool {
    threads == 1 || rows >= fewRows * threads
  }

  init(rows: Int, columns: Int, threads: Int) {
    self.rows = rows
    self.columns = columns
    if Self.byRowsAlone(rows: rows, threads: threads) {
      // A multiple of the threads, so that all have the same.
      let least = (rows + Self.mostRows - 1) / Self.mostRows
      rowBlocks = (least + threads - 1) / threads * threads
      columnBlocks = 1
    } else {
      rowBlocks = (rows + Self.mostRows - 1) / Self.mostRows
      let steps = max(1, columns / Self.columnStep)
      var blocks = max(1, threads / rowBlocks)
      while blocks < steps, rowBlocks * blocks % threads != 0 { blocks += 1 }
      columnBlocks = min(blocks, steps)
    }
  }

  var count: Int { rowBlocks * columnBlocks }

  func rowRange(_ task: Int) -> Range<Int> {
    let block = task / columnBlocks
    return (rows * block / rowBlocks)..<(rows * (block + 1) / rowBlocks)
  }

  func columnRange(_ task: Int) -> Range<Int> {
    let block = task % columnBlocks
    let steps = (columns + Self.columnStep - 1) / Self.columnStep
    let first = steps * block / columnBlocks * Self.columnStep
    let last = steps * (block + 1) / columnBlocks * Self.columnStep
    return min(first, columns)..<min(last, columns)
  }
}
