import Tensors

/// Scratch memory that all operations share, sized before the first pass and allocated as one
/// chunk.
struct CUDAScratch {
  /// Elements of each part.
  struct Sizes: Equatable {
    var normalized = 0
    var hidden = 0
    var gated = 0
    var logSumExp = 0
    var partials = 0
    var order = 0
    var maxima = 0
    var rowStatistics = 0
    /// The size of an activation in bytes.
    var width = 4

    init() {}

    init(_ operations: [PassOperation], type: DType, multiprocessors: Int) {
      width = type.byteCount
      for operation in operations { include(operation, multiprocessors: multiprocessors) }
    }

    private mutating func include(_ operation: PassOperation, multiprocessors: Int) {
      func raise(_ part: WritableKeyPath<Sizes, Int>, to needed: Int) {
        self[keyPath: part] = max(self[keyPath: part], needed)
      }
      switch operation.extent {
      case .product(let rows, let inputs, _, let isNormalized):
        if isNormalized { raise(\.normalized, to: rows * inputs) }
      case .feedForward(let rows, let inputs, let hidden, _, let isGated):
        raise(\.normalized, to: rows * inputs)
        raise(\.hidden, to: rows * hidden)
        if isGated { raise(\.gated, to: rows * hidden / 2) }
      case .attention(let batch, let queries, let keys, let heads, _, _):
        raise(\.logSumExp, to: batch * heads * queries)
        guard operation.kind == .scoredAttention else { break }
        raise(
          \.partials,
          to: max(
            batch * keys * ((keys + 63) / 64),
            ReceivedLaunch.maxPartialsOfSmall(multiprocessors)))
      case .embedding(let batch, let patches, _, let patchValues, let width):
        raise(\.hidden, to: batch * patches * CUDABackend.padded(patchValues))
        raise(\.normalized, to: batch * patches * width)
      case .tokens(let batch, let before, _, _):
        raise(\.order, to: batch * before)
        raise(\.maxima, to: batch)
      case .rows(let rows, _):
        if operation.kind == .poolTokens { raise(\.rowStatistics, to: 2 * rows) }
      case .convolution: break
      }
    }

    private static var parts: [WritableKeyPath<Sizes, Int>] {
      [
        \.normalized, \.hidden, \.gated, \.logSumExp, \.partials, \.order, \.maxima,
        \.rowStatistics,
      ]
    }

    /// The maximum of both in each part.
    func union(_ other: Sizes) -> Sizes {
      var result = self
      for part in Self.parts {
        result[keyPath: part] = max(self[keyPath: part], other[keyPath: part])
      }
      return result
    }

    var bytes: Int {
      var arena = Arena(chunk: nil)
      _ = CUDAScratch(self, from: &arena)
      return max(Arena.alignment, arena.used)
    }
  }

  let sizes: Sizes
  /// `[B, N, C]`, in the activation type.
  private(set) var normalized: Tensor?
  /// `[B, N, hidden]` of the feed-forward network; before block 0, the patch rows.
  private(set) var hidden: Tensor?
  /// `[B, N, hidden / 2]`, after a gate.
  private(set) var gated: Tensor?
  /// `[B, H, N]`.
  private(set) var logSumExp: Tensor?
  /// `[B, ⌈N / 64⌉, N]`, or `[B, ⌈N / 16⌉, N]` for small inputs.
  private(set) var partials: Tensor?
  private(set) var order: Tensor?
  private(set) var partner: Tensor?
  private(set) var maxima: Tensor?
  private(set) var rowStatistics: Tensor?

  init() { sizes = Sizes() }

  init(_ sizes: Sizes, chunk: MemoryChunk, type: DType) {
    var arena = Arena(chunk: chunk)
    self.init(sizes, from: &arena, type: type)
  }

  private init(_ sizes: Sizes, from arena: inout Arena, type: DType? = nil) {
    self.sizes = sizes
    let type = type ?? (sizes.width == 2 ? .float16 : .float32)
    func part(_ count: Int, _ type: DType) -> Tensor? {
      arena.allocate(bytes: max(1, count) * type.byteCount).map {
        Tensor(storage: $0, dtype: type, shape: Shape(max(1, count)))
      }
    }
    normalized = part(sizes.normalized, type)
    hidden = part(sizes.hidden, type)
    gated = part(sizes.gated, type)
    logSumExp = part(sizes.logSumExp, .float32)
    partials = part(sizes.partials, .float32)
    order = part(sizes.order, .int32)
    partner = part(sizes.order, .int32)
    maxima = part(sizes.maxima, .float32)
    rowStatistics = part(sizes.rowStatistics, .float32)
  }

  /// All tensors, which a captured graph must keep alive.
  var tensors: [Tensor] {
    [normalized, hidden, gated, logSumExp, partials, order, partner, maxima, rowStatistics]
      .compactMap(\.self)
  }
}
