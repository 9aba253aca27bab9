import CKernels
import Tensors

/// One worker's private memory, sized before the first pass.
struct Scratch {
  /// Maximum rows of one head's attention that a worker holds at once, so that they stay in the L2
  /// cache.
  static func attentionRows(tokens: Int) -> Int { tokens <= 320 ? tokens : 96 }

  /// Numbers of one head's packed keys and values.
  static func packedHeadCount(tokens: Int, headDim: Int) -> Int {
    lab_packed_count(tokens, headDim) + lab_packed_count(headDim, tokens)
  }

  /// Normalized rows of a block, [rows, C].
  private(set) var normalized: Tensor
  /// The feed-forward network's hidden rows of a block.
  private(set) var hidden: Tensor
  /// The patches of one image as rows.
  private(set) var unfolded: Tensor
  /// Attention logits of one row block and head, [rows, N].
  private(set) var logits: Tensor
  /// Reduction over heads of the above.
  private(set) var reduced: Tensor
  /// Logarithms of the token sizes, [N].
  private(set) var logSizes: Tensor
  /// Keys and values of one head, packed for the two products.
  private(set) var packedHead: Tensor
  /// Rows that a product copies where theirs would share cache sets.
  private(set) var product: Tensor
  /// Rows rounded for a product of lower precision.
  private(set) var operand: Tensor
  /// Rows of a picture that a convolution copies, or one head of an attention over pictures.
  private(set) var picture: Tensor
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
    picture = empty
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

  mutating func growPicture(_ count: Int) throws(TensorsError) { try Self.grow(&picture, count) }

  static func grow(_ tensor: inout Tensor, _ count: Int) throws(TensorsError) {
    guard tensor.shape.count < count else { return }
    tensor = try CPUBackend.allocate(Shape(count), tensor.dtype)
  }
}

/// A row length that keeps every row of logits aligned to a cache line, and its rows in different
/// sets of the L1 cache.
func padded(_ count: Int) -> Int { Rows.stride((count + 15) / 16 * 16) }
