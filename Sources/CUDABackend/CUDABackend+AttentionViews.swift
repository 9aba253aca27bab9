import Tensors

/// Attention over any views of queries, keys and values, on `Kernels/view_attention_mma.cu` and
/// `Kernels/linear_attention_mma.cu` in half precision, otherwise on `Kernels/view_attention.cu`.
extension CUDABackend {
  package func attention(_ operands: AttentionOperands) {
    let (queries, keys, values) = (operands.queries, operands.keys, operands.values)
    let output = operands.output
    if operands.isFused, HeadWidth.isSupported(queries.headDim) {
      launchAttention(
        queries.start, batch: queries.batch, tokens: queries.tokens, heads: queries.heads,
        headDim: queries.headDim, scale: Double(operands.scale), tokenSize: operands.tokenSize,
        into: output.start)
      return
    }
    let grouping = operands.grouping
    let groups = grouping.groups(tokens: queries.tokens)
    let rows = queries.tokens / groups
    let common =
      arguments(queries, tokens: true) + arguments(keys, tokens: true) + arguments(values)
      + arguments(output) + [
        .int(queries.headDim), .int(values.headDim), .float(operands.scale),
      ] + grouping.arguments + [.tensor(operands.bias), .tensor(operands.tokenSize)]
    if usesTensorCores, [queries, keys, values, output].allSatisfy(\.isInPairs),
      let plan = ViewAttentionLaunch(
        batch: queries.batch * queries.heads, groups: groups, rows: rows,
        keys: keys.tokens / groups, width: max(queries.headDim, values.headDim),
        multiprocessors: card.facts.multiprocessors, sharedBytes: card.facts.sharedBytes)
    {
      launch(
        plan.kernel + suffix, grid: (plan.blocks, queries.heads, queries.batch),
        block: plan.block, shared: plan.shared, overlaps: true, arguments: common)
      return
    }
    let shared = 4 * 4 * (keys.tokens / groups)
    guard shared <= card.facts.sharedBytes else {
      return card.fail(
        "attention",
        TensorsError.deviceFailed(
          "\(keys.tokens / groups) keys of a group need \(shared) bytes of shared memory; "
            + "\(card.title) gives a block \(card.facts.sharedBytes)"))
    }
    launch(
      "view_attention" + suffix,
      grid: (groups * Self.blocks(rows, 4), queries.heads, queries.batch), block: 128,
      shared: shared, arguments: common)
  }

  package func linearAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) {
    let parts = Self.blocks(keys.tokens, 64)
    let sums = queries.headDim * (values.headDim + 1)
    let partials = temporary(
      .attentionMap, Shape(queries.batch * queries.heads * parts * sums), .float32)
    let width = max(queries.headDim, values.headDim)
    // tf32, in which sums enter the second product, came with compute capability 8.0.
    let isFast =
      usesTensorCores && card.facts.major >= 8 && width <= 32
      && [queries, keys, values, output].allSatisfy(\.isInPairs)
    let padded = width <= 16 ? 16 : 32
    let kind = isFast ? "_mma_d\(padded)" : ""
    launch(
      "linear_sums" + kind + suffix, grid: (parts, queries.heads, queries.batch),
      block: isFast ? 128 : 256, shared: isFast ? 16 * padded * (padded + 8) : 0,
      arguments: arguments(keys, tokens: true) + arguments(values) + [
        .int(queries.headDim), .int(values.headDim), .tensor(partials),
      ])
    launch(
      "linear_outputs" + kind + suffix,
      grid: (Self.blocks(queries.tokens, 64), queries.heads, queries.batch),
      block: isFast ? 128 : 256, shared: isFast ? 4 * padded * (padded + 20) : 4 * sums,
      arguments: arguments(queries, tokens: true) + arguments(output) + [
        .int(queries.headDim), .int(values.headDim), .float(epsilon), .tensor(partials),
        .int(parts),
      ])
  }

  package func attentionMap(
    queries: HeadView, keys: HeadView, scale: Float, tokenSize: Tensor?, into map: Tensor
  ) {
    launch(
      "attention_map" + suffix,
      grid: (Self.blocks(queries.tokens, 4), queries.heads, queries.batch), block: 128,
      arguments: arguments(queries, tokens: true) + arguments(keys, tokens: true) + [
        .int(queries.headDim), .float(scale), .tensor(tokenSize), .tensor(map),
      ])
  }

  package func applyAttentionMap(_ map: Tensor, values: HeadView, into output: HeadView) {
    launch(
      "apply_map" + suffix, grid: (Self.blocks(output.tokens, 4), output.heads, output.batch),
      block: 128,
      arguments: [.tensor(map)] + arguments(values, tokens: true)
        + arguments(output, tokens: true) + [.int(values.headDim)])
  }

  package func summarizeAttention(_ map: Tensor, _ statistics: AttentionStatistics) {
    let (heads, rows, tokens) = (map.shape[1], map.shape[2], map.shape[3])
    launch(
      "summarize_map", grid: (Self.blocks(tokens, 256), map.shape[0], 1), block: 256, .tensor(map),
      .int(heads), .int(rows), .int(tokens), .int(statistics.prefixTokens),
      .int(statistics.headReduction.kernelMode), .tensor(statistics.classAttention),
      .tensor(statistics.receivedAttention))
  }

  func arguments(_ view: HeadView, tokens: Bool = false) -> [KernelArgument] {
    [.address(view.start), .int(view.tokenStride), .int(view.headStride)]
      + (tokens ? [.int(view.tokens)] : [])
  }
}

extension AttentionOperands {
  /// Whether the views are fused rows [B, N, 3C] and the output [B, N, C], as the fast kernels take
  /// them.
  fileprivate var isFused: Bool {
    let width = queries.heads * queries.headDim
    func isPart(_ view: HeadView, _ part: Int) -> Bool {
      view.tensor.storage.address == queries.tensor.storage.address
        && view.offset == queries.offset + part * width && view.tokenStride == 3 * width
        && view.headStride == view.headDim && view.headDim == queries.headDim
        && view.tokens == queries.tokens
    }
    return grouping == .all && bias == nil && queries.offset % 8 == 0
      && isPart(queries, 0) && isPart(keys, 1) && isPart(values, 2)
      && output.tokenStride == width && output.headStride == queries.headDim
      && output.offset % 8 == 0
  }
}

extension TokenGrouping {
  /// As view_attention.cu counts them.
  fileprivate var arguments: [KernelArgument] {
    let numbers =
      switch self {
      case .all: [0, 0, 0, 1, 0]
      case .windows(let height, let width, let window, let shift):
        [1, height, width, window, shift]
      case .interleaved(let height, let width, let patch): [2, height, width, patch, 0]
      }
    return numbers.map(KernelArgument.int)
  }
}

extension HeadView {
  /// The first token's first head on the card.
  fileprivate var start: UnsafeMutableRawPointer {
    tensor.storage.address + offset * tensor.dtype.byteCount
  }
  /// Whether two neighboring columns are one word of four bytes everywhere, in half precision.
  fileprivate var isInPairs: Bool {
    offset % 2 == 0 && tokenStride % 2 == 0 && headStride % 2 == 0 && headDim % 2 == 0
  }
}

/// How softmax attention over views on tensor cores is distributed over a GPU.
struct ViewAttentionLaunch: Equatable {
  let kernel: String
  /// For each head of an image.
  let blocks: Int
  let block: Int
  let shared: Int

  /// `nil` where the kernels cannot take the sizes.
  ///
  /// - Parameters:
  ///   - batch: Heads of all images.
  ///   - rows: Queries of a group.
  ///   - keys: Keys of a group.
  ///   - width: The wider of keys and values.
  init?(
    batch: Int, groups: Int, rows: Int, keys: Int, width: Int, multiprocessors: Int,
    sharedBytes: Int
  ) {
    // A key's token takes 24 bits.
    guard width <= 128, rows > 0, keys > 0, groups * keys < 1 << 24 else { return nil }
    let padded = width <= 32 ? 32 : width <= 64 ? 64 : 128
    let tile = padded == 128 ? 32 : 64
    let tiles = min(2, CUDABackend.blocks(keys, tile))
    // The group's keys, and keys and values of one or two tiles.
    shared = (keys + 3) / 4 * 16 + tiles * 2 * tile * (padded + 8) * 2
    guard shared <= sharedBytes else { return nil }
    kernel = "view_attention_mma_d\(padded)"
    // Warps of a block share the keys that they read: as many as leave each multiprocessor a block.
    let rowTiles = CUDABackend.blocks(rows, 16)
    func count(_ warps: Int) -> Int { groups * CUDABackend.blocks(rowTiles, warps) }
    let most = CUDABackend.blocks(rowTiles, CUDABackend.blocks(rowTiles, 8))
    let warps = [most, 4, 2].first { $0 <= most && batch * count($0) >= multiprocessors } ?? 1
    blocks = count(warps)
    block = 32 * warps
  }
}
