import Tensors

/// One worker's private memory, sized before the first pass.
struct Scratch {
  /// Rows that a worker takes through a chain of products at once: enough for OpenBLAS to reuse the packed weights,
  /// few enough that the chain's intermediate rows stay in the L2 cache.
  static let pieceRows = 128

  /// Normalised rows, [pieceRows, C].
  private(set) var normalized: Tensor
  /// The feed-forward network's hidden rows, or unfolded patches, [pieceRows, max].
  private(set) var hidden: Tensor
  /// Attention logits of one row block and head, [rows, N].
  private(set) var logits: Tensor
  /// Reduction over heads of the above.
  private(set) var reduced: Tensor
  /// Logarithms of the token sizes, [N].
  private(set) var logSizes: Tensor
  /// Sort keys, indices and similarities of the selection.
  private(set) var keys: Tensor
  private(set) var order: Tensor
  private(set) var similarities: Tensor

  init() throws(TensorsError) {
    let empty = try CPUBackend.allocate(Shape(1), .float32)
    let none = try CPUBackend.allocate(Shape(1), .int32)
    normalized = empty
    hidden = empty
    logits = empty
    reduced = empty
    logSizes = empty
    similarities = empty
    keys = try CPUBackend.allocate(Shape(1), .int64)
    order = none
  }

  mutating func reserve(_ limits: ScratchLimits) throws(TensorsError) {
    let tokens = limits.tokens
    let rows = min(tokens, Scratch.pieceRows)
    try grow(&normalized, Scratch.pieceRows * limits.embedDim)
    try grow(&hidden, Scratch.pieceRows * max(limits.hiddenDim, limits.patchValues))
    try grow(&logits, rows * padded(tokens))
    try grow(&reduced, rows * padded(tokens))
    try grow(&logSizes, tokens)
    try grow(&keys, 2 * tokens)
    try grow(&order, 4 * tokens)
    // Every pair of an even and an odd token, or of a removed and a kept one.
    try grow(&similarities, (tokens / 2 + 1) * (tokens / 2 + 1))
  }

  private func grow(_ tensor: inout Tensor, _ count: Int) throws(TensorsError) {
    guard tensor.shape.count < count else { return }
    tensor = try CPUBackend.allocate(Shape(count), tensor.dtype)
  }
}

/// A row length that keeps every row of logits aligned to a cache line.
func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
