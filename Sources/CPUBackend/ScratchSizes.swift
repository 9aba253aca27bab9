import CKernels
import Tensors

/// Elements of each scratch area that operations need: each worker's, and those that all workers
/// share.
struct ScratchSizes {
  private(set) var normalized = 0
  private(set) var hidden = 0
  private(set) var unfolded = 0
  private(set) var logits = 0
  private(set) var reduced = 0
  private(set) var logSizes = 0
  private(set) var packedHead = 0
  private(set) var product = 0
  private(set) var keys = 0
  private(set) var order = 0
  private(set) var similarities = 0
  private(set) var sharedPartials = 0
  private(set) var sharedPacked = 0
  private(set) var sharedNormalized = 0
  private(set) var sharedHidden = 0

  private let threads: Int
  private let gemm: GEMM

  init(_ operations: [PassOperation], threads: Int, _ gemm: GEMM) {
    self.threads = threads
    self.gemm = gemm
    for operation in operations { include(operation) }
  }

  private func raise(_ size: inout Int, to needed: Int) { size = max(size, needed) }

  private mutating func include(_ operation: PassOperation) {
    switch operation.extent {
    case .convolution(let extent, let pixels):
      raise(&normalized, to: extent.outputs)
      includeProduct(rows: min(pixels, WorkSplit.maxRows))
    case .product(let rows, let inputs, let outputs, let isNormalized):
      includeProduct(rows: WorkSplit.maxRows)
      if isNormalized {
        includeNormalized(rows: rows, width: inputs, hidden: inputs, weights: inputs * outputs)
      }
    case .feedForward(let rows, let inputs, let hidden, let outputs, let isGated):
      includeProduct(rows: WorkSplit.maxRows)
      let weights = inputs * hidden + (isGated ? hidden / 2 : hidden) * outputs
      let floats = gemm.hiddenFloats(hidden, isGated: isGated)
      includeNormalized(rows: rows, width: inputs, hidden: floats, weights: weights)
      if WorkSplit.isChained(rows: rows, hidden: floats, weights: weights, threads: threads) {
        raise(
          &self.hidden,
          to: min(rows, WorkSplit.chainRows(hidden: floats)) * Rows.stride(floats))
      } else {
        raise(&sharedHidden, to: min(rows, WorkSplit.slabRows) * Rows.stride(hidden))
      }
    case .attention(let batch, let queries, let keys, let heads, let headDim, let valueDim):
      includeAttention(
        batch: batch, tokens: max(queries, keys), heads: heads, headDim: headDim,
        valueDim: valueDim)
    case .embedding(_, let patches, _, let patchValues, _):
      raise(&unfolded, to: patches * patchValues)
      includeProduct(rows: patches)
    case .tokens(_, let before, _, let width):
      raise(&keys, to: 2 * before)
      raise(&order, to: 4 * before)
      // A similarity for every pair of an even and an odd token.
      raise(&similarities, to: (before / 2 + 1) * (before / 2 + 1))
      raise(&packedHead, to: lab_packed_count(before / 2, width))
      includeProduct(rows: before)
    case .rows(_, let width): raise(&normalized, to: width)
    }
  }

  private mutating func includeProduct(rows: Int) {
    raise(&product, to: lab_gemm_scratch_count(max(rows, WorkSplit.maxRows)))
  }

  /// Normalized rows: in a worker's own memory if it computes whole rows, else in shared memory.
  private mutating func includeNormalized(rows: Int, width: Int, hidden: Int, weights: Int) {
    if WorkSplit.isChained(rows: rows, hidden: hidden, weights: weights, threads: threads) {
      raise(&normalized, to: min(rows, WorkSplit.chainRows(hidden: hidden)) * Rows.stride(width))
    } else {
      raise(&sharedNormalized, to: rows * Rows.stride(width))
    }
  }

  private mutating func includeAttention(
    batch: Int, tokens: Int, heads: Int, headDim: Int, valueDim: Int
  ) {
    let rows = max(Scratch.attentionRows(tokens: tokens), 64)
    raise(&logits, to: max(rows * padded(tokens), headDim * (valueDim + 1)))
    raise(&reduced, to: rows * padded(tokens))
    raise(&logSizes, to: tokens)
    let packed = Scratch.packedHeadCount(tokens: tokens, headDim: headDim)
    raise(&packedHead, to: packed)
    raise(&product, to: lab_gemm_scratch_count(max(rows, tokens)))
    let partials = batch * max(heads, CPUBackend.rowBlocks(tokens: tokens))
    raise(&sharedPartials, to: partials * tokens)
    raise(&sharedPacked, to: min(threads, batch) * heads * packed)
  }
}
