import Tensors

/// The kernels of a pass whose operations were logged with blocks fused.
///
/// For eager execution, each operation becomes the kernels that PyTorch launches for timm's code: a
/// LayerNorm, a product, an activation and a residual are four. A pass that needs attention scores
/// or merges tokens has an explicit attention map in every block, as in the published
/// implementations of ToMe, Top-K, EViT and the tail effect, while the baseline has one fused
/// kernel.
package struct KernelExpansion {
  let execution: Execution
  /// Bytes of an activation.
  let element: Double
  /// Whether attention is explicit.
  let isExplicit: Bool
  private(set) var kernels: [Kernel] = []
  /// The number of host calls since the last kernel.
  private var pendingCalls = 0.0

  /// - Throws: `SimulatedDevicesError.noCost` for an unknown operation.
  package static func kernels(
    _ operations: [PassOperation], execution: Execution, precision: Precision,
    hasFusedAttention: Bool = true, model: String = "the model"
  ) throws -> [Kernel] {
    let isReduced = operations.contains {
      $0.kind == .scoredAttention || $0.kind == .selection
    }
    var expansion = KernelExpansion(
      execution: execution, element: Double(precision.storage.byteCount),
      isExplicit: execution == .eager && (isReduced || !hasFusedAttention))
    for operation in operations where operation.kind != .upload && operation.kind != .download {
      guard expansion.add(operation) else {
        throw SimulatedDevicesError.noCost(operation: operation.kind.rawValue, model: model)
      }
    }
    guard !expansion.kernels.isEmpty else {
      throw SimulatedDevicesError.noCost(operation: "pass", model: model)
    }
    return expansion.kernels
  }

  private init(execution: Execution, element: Double, isExplicit: Bool) {
    self.execution = execution
    self.element = element
    self.isExplicit = isExplicit
  }

  private var isEager: Bool { execution == .eager }

  private mutating func add(_ operation: PassOperation) -> Bool {
    switch operation.kind {
    case .reduction, .selection, .assembly, .scores, .hostReduction:
      return addReduction(operation)
    case .attention, .scoredAttention:
      guard
        case .attention(let batch, let queries, let keys, let heads, let d, let dv) =
          operation.extent
      else { return false }
      addAttention(
        count: batch * heads, queries: queries, keys: keys, d: d, dv: dv,
        isScored: operation.kind == .scoredAttention)
      return true
    default: break
    }
    if case .feedForward(let rows, let inputs, let hidden, let outputs, let isGated) =
      operation.extent
    {
      addFeedForward(rows, inputs, hidden, outputs, isGated)
    } else if case .product(let rows, let inputs, let outputs, let isNormalized) =
      operation.extent
    {
      if isNormalized { memory("norm", 2 * values(rows, inputs), calls: 2) }
      product(operation.kind.rawValue, rows, outputs, inputs)
      if isEager, operation.kind == .projection {
        memory("residual", 3 * values(rows, outputs))
      }
    } else if case .embedding(let batch, let patches, let tokens, let values, let width) =
      operation.extent
    {
      memory("input", Double(operation.bytesRead))
      product("patch embedding", batch * patches, width, values)
      if isEager { memory("positions", 3 * self.values(batch * tokens, width), calls: 2) }
    } else if case .convolution(let extent, let pixels) = operation.extent,
      operation.kind == .convolution
    {
      let inner = extent.weightCount / max(1, extent.outputs)
      product("convolution", pixels, extent.outputs, inner)
    } else if operation.macs > 0,
      case .attention(let batch, let queries, let keys, let heads, let d, let dv) = operation.extent
    {
      append(
        Kernel(
          operation.kind.rawValue, calls: isEager ? 4 : 1,
          product: .init(
            count: batch * heads, rows: queries, columns: max(dv, 1), inner: min(d, keys)),
          bytes: Double(operation.cost.bytes)))
    } else if operation.cost.bytes > 0 {
      memory(operation.kind.rawValue, Double(operation.cost.bytes), calls: 2)
    } else {
      return false
    }
    return true
  }

  // MARK: Blocks

  private mutating func addAttention(
    count: Int, queries: Int, keys: Int, d: Int, dv: Int, isScored: Bool
  ) {
    let stream = values(count * queries, d)
    let map = values(count * queries, keys)
    // Reshaping and unbinding queries, keys and values.
    if isEager { pendingCalls += 5 }
    guard isExplicit else {
      append(
        Kernel(
          "attention", calls: 2,
          product: .init(count: count, rows: queries, columns: keys, inner: d + dv),
          bytes: 4 * stream + (isScored ? map : 0), isAttention: true))
      if isEager { memory("reshaping", 2 * stream, calls: 2) }
      return
    }
    // PyTorch makes the operands contiguous before a batched product.
    for part in ["queries", "keys", "values"] { memory("contiguous \(part)", 2 * stream) }
    product("q·kᵀ", queries, keys, d, count: count, calls: 1)
    memory("scale", 2 * map)
    memory("softmax", 2 * map)
    product("attention·v", queries, dv, keys, count: count)
    memory("reshaping", 2 * stream, calls: 2)
  }

  private mutating func addFeedForward(
    _ rows: Int, _ inputs: Int, _ hidden: Int, _ outputs: Int, _ isGated: Bool
  ) {
    memory("norm", 2 * values(rows, inputs), calls: 2)
    product("fc1", rows, hidden, inputs)
    let width = isGated ? hidden / 2 : hidden
    if isGated {
      if isEager {
        pendingCalls += 1
        memory("activation", 2 * values(rows, width))
      }
      memory("gate", 3 * values(rows, width))
    } else if isEager {
      memory("activation", 2 * values(rows, width), calls: 2)
    }
    product("fc2", rows, outputs, width)
    if isEager { memory("residual", 3 * values(rows, outputs)) }
  }

  // MARK: Parts

  private func values(_ rows: Int, _ width: Int) -> Double {
    Double(rows) * Double(width) * element
  }

  private mutating func product(
    _ name: String, _ rows: Int, _ columns: Int, _ inner: Int, count: Int = 1, calls: Double = 2
  ) {
    let moved =
      values(rows, inner) * Double(count) + values(inner, columns) * Double(count)
      + values(rows, columns) * Double(count)
    append(
      Kernel(
        name, calls: calls,
        product: .init(count: count, rows: rows, columns: columns, inner: inner),
        bytes: moved))
  }

  private mutating func memory(_ name: String, _ bytes: Double, calls: Double = 1) {
    append(Kernel(name, calls: calls, bytes: bytes))
  }

  private mutating func append(_ kernel: Kernel) {
    var kernel = kernel
    kernel.hostCalls += pendingCalls
    pendingCalls = 0
    kernels.append(kernel)
  }
}

extension KernelExpansion {
  /// Kernels and host calls of a reduction step in eager execution, counted in the published
  /// implementations and adjusted to the published latencies of three devices.
  private struct EagerStep {
    let kernels: Int
    let calls: Int
    /// A random choice: a permutation, a sort, a gather.
    static let random = EagerStep(kernels: 6, calls: 8)
    /// Class attention, `topk`, gathers and concatenation, with the complement of the kept.
    static let classAttention = EagerStep(kernels: 14, calls: 25)
    /// ToMe's bipartite matching and its two merges, of tokens and of sizes.
    static let merge = EagerStep(kernels: 18, calls: 28)
    /// Maximum over heads, column sums, the feature term, `topk`, gathers and the mean.
    static let tailEffect = EagerStep(kernels: 20, calls: 30)
  }

  private mutating func addReduction(_ operation: PassOperation) -> Bool {
    guard case .tokens(let batch, let before, let after, let width) = operation.extent else {
      return false
    }
    guard isEager else {
      memory(operation.kind.rawValue, Double(operation.cost.bytes))
      return true
    }
    switch operation.kind {
    case .reduction:
      // Beyond the stream, only the tail effect's step reads anything.
      let readsMore = Double(operation.bytesRead) > values(batch * before, width)
      let step: EagerStep =
        !isExplicit ? .random : readsMore ? .tailEffect : .classAttention
      let moved = [
        2 * values(batch * after, width), 2 * values(batch * after, width),
        readsMore ? 2 * values(batch * (before - after), width) : 0,
        readsMore ? 2 * values(batch * before, before) : 0,
      ]
      addStep(step, moved: moved, batch: batch, tokens: before)
    case .selection:
      // The match of a merge; its new tokens are the assembly that follows.
      product(
        "matching", (before + 1) / 2, before / 2, max(width, 1), count: batch)
      addStep(
        EagerStep(kernels: EagerStep.merge.kernels - 6, calls: EagerStep.merge.calls - 9),
        moved: [values(batch * before, before) / 4, values(batch * before, before) / 4],
        batch: batch, tokens: before)
    case .assembly:
      addStep(
        EagerStep(kernels: 5, calls: 7),
        moved: [
          2 * values(batch * before, width), values(batch * before, width),
          1.5 * values(batch * before, width), 2 * values(batch * after, width),
          2 * values(batch * after, width),
        ], batch: batch, tokens: before)
    default:
      // Scores come with the step itself, but for those that have a kernel of their own.
      if !isExplicit || width > 1 { memory("scores", Double(operation.cost.bytes)) }
    }
    return true
  }

  private mutating func addStep(
    _ step: EagerStep, moved: [Double], batch: Int, tokens: Int
  ) {
    let calls = Double(step.calls) / Double(step.kernels)
    for index in 0..<step.kernels {
      // What moves no rows moves an index or a score of each token.
      let bytes = index < moved.count ? moved[index] : 0
      memory("token reduction", max(bytes, Double(8 * batch * tokens)), calls: calls)
    }
  }
}
