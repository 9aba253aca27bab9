import CKernels
import Tensors

/// One worker's private scratch memory, sized before the first pass; `operand` and `kernels` grow
/// during it.
struct Scratch {
  /// Maximum rows of one head's attention logits at once, so that they stay in the L2 cache.
  static func attentionRows(tokens: Int) -> Int { tokens <= 320 ? tokens : 96 }

  /// Floats of one head's packed keys and values.
  static func packedHeadCount(tokens: Int, headDim: Int) -> Int {
    packedCount(columns: tokens, k: headDim) + packedCount(columns: headDim, k: tokens)
  }

  /// Floats that are enough for a matrix packed in float32 or in bfloat16, which stores up to four
  /// values of k together.
  static func packedCount(columns: Int, k: Int) -> Int { lab_packed_count(columns, max(k, 4)) }

  /// Normalized rows of a block, `[rows, C]`.
  private(set) var normalized: Tensor
  /// The feed-forward network's hidden rows of a block.
  private(set) var hidden: Tensor
  /// The patches of one image as rows.
  private(set) var unfolded: Tensor
  /// Attention logits of one row block and head, `[rows, N]`.
  private(set) var logits: Tensor
  /// The reduction of `logits` over heads.
  private(set) var reduced: Tensor
  /// Logarithms of the token sizes, `[N]`.
  private(set) var logSizes: Tensor
  /// Packed keys and values of one head.
  private(set) var packedHead: Tensor
  /// Rows that a GEMM copies because their stride would put them into the same cache sets.
  private(set) var product: Tensor
  /// Rows rounded for a low-precision GEMM.
  private(set) var operand: Tensor
  /// Scratch of the kernels in `convolution.h`: copied image rows, or one head of window or linear
  /// attention.
  private(set) var kernels: Tensor
  /// Sort keys, indices and similarities of the selection.
  private(set) var keys: Tensor
  private(set) var order: Tensor
  private(set) var similarities: Tensor

  init() throws(TensorsError) {
    let empty = try CPUBackend.allocate(Shape(1), .float32)
    let none = try CPUBackend.allocate(Shape(1), .int32)
    normalized = empty
    hidden = empty
    unfolded = empty
    logits = empty
    reduced = empty
    logSizes = empty
    similarities = empty
    packedHead = empty
    product = empty
    kernels = empty
    operand = empty
    keys = try CPUBackend.allocate(Shape(1), .int64)
    order = none
  }

  mutating func reserve(_ sizes: ScratchSizes) throws(TensorsError) {
    try Self.grow(&normalized, sizes.normalized)
    try Self.grow(&hidden, sizes.hidden)
    try Self.grow(&unfolded, sizes.unfolded)
    try Self.grow(&logits, sizes.logits)
    try Self.grow(&reduced, sizes.reduced)
    try Self.grow(&logSizes, sizes.logSizes)
    try Self.grow(&packedHead, sizes.packedHead)
    try Self.grow(&product, sizes.product)
    try Self.grow(&keys, sizes.keys)
    try Self.grow(&order, sizes.order)
    try Self.grow(&similarities, sizes.similarities)
  }

  mutating func growOperand(_ count: Int) throws(TensorsError) { try Self.grow(&operand, count) }

  mutating func growKernelScratch(_ count: Int) throws(TensorsError) {
    try Self.grow(&kernels, count)
  }

  static func grow(_ tensor: inout Tensor, _ count: Int) throws(TensorsError) {
    guard tensor.shape.count < count else { return }
    tensor = try CPUBackend.allocate(Shape(count), tensor.dtype)
  }
}

/// A row stride for logits that aligns every row to a cache line and puts the rows of a tile into
/// different sets of the L1 cache.
func padded(_ count: Int) -> Int { Rows.stride((count + 15) / 16 * 16) }
