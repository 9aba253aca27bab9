import CKernels

/// Rows of one image in memory, `stride` apart.
struct FloatRows {
  let start: UnsafePointer<Float>
  let count: Int
  let width: Int
  let stride: Int

  init(_ start: UnsafePointer<Float>, count: Int, width: Int, stride: Int? = nil) {
    self.start = start
    self.count = count
    self.width = width
    self.stride = stride ?? FloatRows.stride(width)
  }

  /// A row length for scratch memory: no multiple of a page, at which the rows of a product would
  /// share one set of the L1 cache.
  static func stride(_ width: Int) -> Int { width % 1024 == 0 ? width + 16 : width }

  /// Floats of so many rows in scratch memory.
  static func floats(_ count: Int, width: Int) -> Int { count * stride(width) }

  /// Every second row.
  var even: FloatRows {
    FloatRows(start, count: (count + 1) / 2, width: width, stride: 2 * stride)
  }
  var odd: FloatRows {
    FloatRows(start + stride, count: count / 2, width: width, stride: 2 * stride)
  }

  subscript(_ range: Range<Int>) -> FloatRows {
    FloatRows(start + range.lowerBound * stride, count: range.count, width: width, stride: stride)
  }
}

/// How finished rows of products are processed.
enum ProductFinish {
  case none
  /// The maximum over the columns from `first` on, and its index.
  case maxima(first: Int, best: UnsafeMutablePointer<Float>, index: UnsafeMutablePointer<Int32>)
  /// Means of the ELU of values above the margin.
  case eluMeans(margin: Float, into: UnsafeMutablePointer<Float>)
  /// Pairwise distances of rows with these squared lengths, times √scale.
  case distances(squares: UnsafePointer<Float>, scale: Float)
  /// Similarities between 0 and 1, times a factor of the row and a factor of the column.
  case criteria(rows: UnsafePointer<Float>, columns: UnsafePointer<Float>, step: Int)
  /// Marks the largest values of each row, except the row itself, in rows of `into`.
  case marks(neighbors: Int, into: UnsafeMutablePointer<Float>)
}

extension ImageStep {
  /// Floats for the products of `rows` with `columns` rows: themselves, and the packed factor.
  static func productFloats(rows: Int, columns: Int, width: Int) -> Int {
    rows * columns + lab_packed_count(columns, width)
  }

  /// `left_i · right_j` of all pairs into [left, right] at `result`, and what `finish` makes of
  /// them; the packed factor stands behind.
  ///
  /// - Parameter result: `productFloats` many.
  func multiply(
    _ left: FloatRows, _ right: FloatRows, into result: UnsafeMutablePointer<Float>,
    then finish: ProductFinish = .none
  ) {
    let packed = result + left.count * right.count
    share(PackWork(image: self, rows: right, packed: packed)) { PackWork.enter($0, $1) }
    share(
      ProductWork(
        image: self, left: left, columns: right.count, packed: packed, result: result,
        finish: finish)
    ) { ProductWork.enter($0, $1) }
  }
}

/// Packs rows as the other factor of a product, by panels.
private struct PackWork: ImageWork {
  let image: ImageStep
  let rows: FloatRows
  let packed: UnsafeMutablePointer<Float>

  var items: Int { lab_panels(rows.count) }
  /// Small ones on one thread, which is finished before another has started.
  var grain: Int { rows.count * rows.width < 16_384 ? items : 1 }

  func run(_ panels: Range<Int>) {
    lab_pack_transposed(
      rows.start, rows.count, rows.width, rows.stride, panels.lowerBound, panels.upperBound,
      packed)
  }
}

/// Products of some rows with all that were packed.
private struct ProductWork: ImageWork {
  let image: ImageStep
  let left: FloatRows
  let columns: Int
  let packed: UnsafeMutablePointer<Float>
  let result: UnsafeMutablePointer<Float>
  let finish: ProductFinish

  var items: Int { left.count }
  /// Two tiles of rows on the widest processors.
  var grain: Int { 28 }

  func run(_ rows: Range<Int>) {
    let (first, count) = (rows.lowerBound, rows.count)
    let products = result + first * columns
    // If rows are a page apart, only few at once, because a larger product would copy them.
    let step = left.stride % 1024 == 0 ? 4 : count
    for row in stride(from: first, to: rows.upperBound, by: step) {
      lab_gemm(
        left.start + row * left.stride, min(step, rows.upperBound - row), left.stride, packed,
        columns, left.width, 0, lab_panels(columns), lab_prefetch(), nil, Int32(LAB_EPILOGUE_NONE),
        result + row * columns, columns, nil)
    }
    switch finish {
    case .none: break
    case .maxima(let from, let best, let index):
      lab_row_maxima(products, count, columns, columns, from, best + first, index + first)
    case .eluMeans(let margin, let means):
      lab_elu_means(products, count, columns, columns, margin, means + first)
    case .distances(let squares, let scale):
      lab_distances(products, count, columns, first, squares + first, squares, scale)
    case .criteria(let rowFactors, let columnFactors, let step):
      lab_criteria(
        products, count, columns, rowFactors + first * step, step, columnFactors, step)
    case .marks(let neighbors, let marked):
      for row in rows {
        lab_mark_largest(
          result + row * columns, columns, row, neighbors, marked + row * columns)
      }
    }
  }
}
