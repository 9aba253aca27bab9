import CKernels
import Tensors

/// LayerNorm of many rows, in blocks of a few.
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
    while let block = backend.nextTask(below: blocks) {
      let first = block * Self.blockRows
      norm.apply(
        input + first * width, rows: min(Self.blockRows, rows - first), into: output.from(first))
    }
  }
}

/// LayerNorm and a linear layer on each worker's own rows: the normalized rows never leave its
/// cache.
struct NormalizedLinearRegion: ParallelRegion {
  let backend: CPUBackend
  let split: WorkSplit
  let input: UnsafePointer<Float>
  let norm: LayerNormParameters
  let linear: LinearParameters
  let output: Rows

  func run(worker: Int) {
    let scratch = backend.scratch[worker]
    let normalized = Rows(scratch.normalized.floats, stride: Rows.stride(linear.inputs))
    while let task = backend.nextTask(below: split.count) {
      let own = split.rowRange(task)
      norm.apply(input + own.lowerBound * linear.inputs, rows: own.count, into: normalized)
      linear.apply(
        normalized, rows: own.count, panels: 0..<linear.panels, next: 0,
        into: output.from(own.lowerBound), end: .replace, scratch: scratch)
    }
  }
}

/// A linear layer over many rows, with what follows it in place.
struct LinearRegion: ParallelRegion {
  let backend: CPUBackend
  let split: WorkSplit
  let input: Rows
  let linear: LinearParameters
  let output: Rows
  let end: ProductEnd

  func run(worker: Int) {
    while let task = backend.nextTask(below: split.count) {
      let rows = split.rowRange(task)
      linear.apply(
        input.from(rows.lowerBound), rows: rows.count, panels: split.panelRange(task),
        next: split.panelRange(task + backend.threads).lowerBound,
        into: output.from(rows.lowerBound), end: end, scratch: backend.scratch[worker])
    }
  }
}

/// The gate of a SwiGLU over rows [a | b], shared by rows.
struct GateRegion: ParallelRegion {
  let backend: CPUBackend
  let rows: Int
  /// Width of each half.
  let width: Int
  let hidden: Rows

  func run(worker: Int) {
    let own = backend.share(of: rows, worker: worker)
    lab_swiglu(hidden.from(own.lowerBound).start, own.count, width, hidden.stride)
  }
}

/// A whole feed-forward network on each worker's own rows: the hidden rows never leave its cache.
struct FeedForwardRegion: ParallelRegion {
  let backend: CPUBackend
  let split: WorkSplit
  let stream: UnsafeMutablePointer<Float>
  let parameters: FeedForwardParameters

  func run(worker: Int) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let scratch = backend.scratch[worker]
    let normalized = Rows(scratch.normalized.floats, stride: Rows.stride(fc1.inputs))
    let hidden = Rows(scratch.hidden.floats, stride: Rows.stride(fc1.outputs))
    while let task = backend.nextTask(below: split.count) {
      let own = split.rowRange(task)
      guard !own.isEmpty else { continue }
      let rows = Rows(stream, stride: fc1.inputs).from(own.lowerBound)
      parameters.norm.apply(rows.start, rows: own.count, into: normalized)
      let isGated = parameters.activation == .swiglu
      fc1.apply(
        normalized, rows: own.count, panels: 0..<fc1.panels, into: hidden,
        end: isGated ? .replace : .gelu, scratch: scratch)
      if isGated { lab_swiglu(hidden.start, own.count, fc2.inputs, hidden.stride) }
      fc2.apply(
        hidden, rows: own.count, panels: 0..<fc2.panels, into: rows, end: .add, scratch: scratch)
    }
  }
}
