import CKernels
import Tensors

/// LayerNorm of many rows; tasks are blocks of rows.
struct NormalizeRegion: ParallelRegion {
  private static let blockRows = 16

  let backend: CPUBackend
  let input: UnsafePointer<Float>
  let norm: LayerNormParameters
  let rows: Int
  let output: Rows

  func run(worker: Int) {
    let width = norm.weight.shape[0]
    let blocks = (rows + Self.blockRows - 1) / Self.blockRows
    while let block = backend.nextTask(below: blocks, worker: worker) {
      let first = block * Self.blockRows
      norm.apply(
        input + first * width, rows: min(Self.blockRows, rows - first), into: output.from(first))
    }
  }
}

/// Rounds rows into shared memory.
struct RoundRegion: ParallelRegion {
  let backend: CPUBackend
  let input: Rows
  let rows: Int
  let k: Int
  let output: Operand

  func run(worker: Int) {
    let own = backend.share(of: rows, worker: worker)
    output.from(own.lowerBound).round(input.from(own.lowerBound), count: own.count, k: k)
  }
}

/// A linear layer, with a LayerNorm before it if there is one; tasks are blocks of rows, whose
/// normalized and rounded rows never leave the worker's cache.
struct RowwiseLinearRegion: ParallelRegion {
  let backend: CPUBackend
  let split: WorkSplit
  let input: Rows
  let norm: LayerNormParameters?
  let linear: LinearParameters
  let output: Rows
  let epilogue: GEMMEpilogue

  func run(worker: Int) {
    let scratch = backend.scratch[worker]
    let gemm = backend.linearGEMM
    let normalized = Rows(scratch.normalized.floats, stride: Rows.stride(linear.inputs))
    while let task = backend.nextTask(below: split.count, worker: worker) {
      let own = split.rowRange(task)
      var rows = input.from(own.lowerBound)
      if let norm {
        norm.apply(rows.start, rows: own.count, into: normalized)
        rows = normalized
      }
      linear.apply(
        gemm.operand(rows, count: own.count, k: linear.inputs, scratch), rows: own.count,
        panels: 0..<gemm.panels(linear.outputs), next: 0, into: output.from(own.lowerBound),
        epilogue, gemm, scratch: scratch)
    }
  }
}

extension GEMM {
  /// Rows in the form that this GEMM reads, rounded into the worker's scratch if needed.
  func operand(_ rows: Rows, count: Int, k: Int, _ scratch: Scratch) -> Operand {
    guard roundsRows else { return Operand(rows) }
    let operand = Operand(in: scratch.operand, rows: count, k: k, self)
    operand.round(rows, count: count, k: k)
    return operand
  }
}

/// A linear layer with its epilogue; tasks are blocks of rows and groups of panels.
struct LinearRegion: ParallelRegion {
  let backend: CPUBackend
  let split: WorkSplit
  let input: Operand
  let linear: LinearParameters
  let output: Rows
  let epilogue: GEMMEpilogue

  func run(worker: Int) {
    while let task = backend.nextTask(below: split.count, worker: worker) {
      let rows = split.rowRange(task)
      linear.apply(
        input.from(rows.lowerBound), rows: rows.count, panels: split.panelRange(task),
        next: split.panelRange(min(task + 1, split.count - 1)).lowerBound,
        into: output.from(rows.lowerBound), epilogue, backend.linearGEMM,
        scratch: backend.scratch[worker])
    }
  }
}

/// The gate of SwiGLU on rows `[a | b]`; rows are divided among workers.
struct GateRegion: ParallelRegion {
  let backend: CPUBackend
  let rows: Int
  /// The width of each half.
  let width: Int
  let hidden: Rows

  func run(worker: Int) {
    let own = backend.share(of: rows, worker: worker)
    lab_swiglu(hidden.from(own.lowerBound).start, own.count, width, hidden.stride)
  }
}

/// A whole feed-forward network; tasks are blocks of rows, whose hidden rows never leave the
/// worker's cache.
struct FeedForwardRegion: ParallelRegion {
  let backend: CPUBackend
  let split: WorkSplit
  /// The rows to normalize: the residual stream itself, or another tensor of the same shape.
  let input: UnsafePointer<Float>
  let stream: UnsafeMutablePointer<Float>
  let parameters: FeedForwardParameters

  func run(worker: Int) {
    let scratch = backend.scratch[worker]
    let width = parameters.fc1.inputs
    let normalized = Rows(scratch.normalized.floats, stride: Rows.stride(width))
    while let task = backend.nextTask(below: split.count, worker: worker) {
      let own = split.rowRange(task)
      guard !own.isEmpty else { continue }
      let rows = Rows(stream, stride: width).from(own.lowerBound)
      parameters.norm.apply(input + own.lowerBound * width, rows: own.count, into: normalized)
      apply(normalized, own.count, onto: rows, scratch)
    }
  }

  private func apply(_ normalized: Rows, _ count: Int, onto rows: Rows, _ scratch: Scratch) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let gemm = backend.linearGEMM
    let isGated = parameters.activation == .swiglu
    let input = gemm.operand(normalized, count: count, k: fc1.inputs, scratch)
    let second: Operand
    if gemm == .bfloat16, !isGated {
      second = Operand(in: scratch.hidden, rows: count, k: fc2.inputs, gemm)
      fc1.applyGELU(input, rows: count, into: second, scratch: scratch)
    } else {
      let hidden = Rows(scratch.hidden.floats, stride: Rows.stride(fc1.outputs))
      fc1.apply(
        input, rows: count, panels: 0..<gemm.panels(fc1.outputs), into: hidden,
        isGated ? .none : .gelu, gemm, scratch: scratch)
      if isGated { lab_swiglu(hidden.start, count, fc2.inputs, hidden.stride) }
      second = gemm.operand(hidden, count: count, k: fc2.inputs, scratch)
    }
    fc2.apply(
      second, rows: count, panels: 0..<gemm.panels(fc2.outputs), into: rows, .add, gemm,
      scratch: scratch)
  }
}
