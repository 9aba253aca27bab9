import CKernels
import Tensors

/// LayerNorm of many rows, shared by rows.
struct NormalizeRegion: ParallelRegion {
  let backend: CPUBackend
  let input: UnsafePointer<Float>
  let norm: LayerNormParameters
  let rows: Int
  let output: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    let width = norm.weight.shape[0]
    let own = backend.share(of: rows, worker: worker)
    norm.apply(
      input + own.lowerBound * width, rows: own.count, into: output + own.lowerBound * width)
  }
}

/// A linear layer over many rows, with what follows it in place.
struct LinearRegion: ParallelRegion {
  enum Epilogue { case none, gelu }

  let backend: CPUBackend
  let split: WorkSplit
  let input: UnsafePointer<Float>
  /// Numbers between the starts of two rows.
  let inputStride: Int
  let linear: LinearParameters
  let output: UnsafeMutablePointer<Float>
  /// Adds to what is there; otherwise replaces it.
  let accumulates: Bool
  let epilogue: Epilogue

  func run(worker: Int) {
    for task in backend.share(of: split.count, worker: worker) {
      let (rows, columns) = (split.rowRange(task), split.columnRange(task))
      guard !rows.isEmpty, !columns.isEmpty else { continue }
      let result = output + rows.lowerBound * linear.outputs
      linear.apply(
        input + rows.lowerBound * inputStride, stride: inputStride, rows: rows.count,
        columns: columns, into: result, accumulates: accumulates)
      if epilogue == .gelu {
        lab_gelu(result + columns.lowerBound, rows.count, columns.count, linear.outputs)
      }
    }
  }
}

/// The gate of a SwiGLU over rows [a | b], shared by rows and columns.
struct GateRegion: ParallelRegion {
  let backend: CPUBackend
  let split: WorkSplit
  let hidden: UnsafeMutablePointer<Float>
  let stride: Int

  func run(worker: Int) {
    for task in backend.share(of: split.count, worker: worker) {
      let (rows, columns) = (split.rowRange(task), split.columnRange(task))
      lab_swiglu(
        hidden + rows.lowerBound * stride + columns.lowerBound, rows.count, columns.count, stride)
    }
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
    let normalized = backend.scratch[worker].normalized.floats
    let hidden = backend.scratch[worker].hidden.floats
    for task in backend.share(of: split.count, worker: worker) {
      let rows = split.rowRange(task)
      guard !rows.isEmpty else { continue }
      let source = stream + rows.lowerBound * fc1.inputs
      parameters.norm.apply(source, rows: rows.count, into: normalized)
      fc1.apply(
        normalized, stride: fc1.inputs, rows: rows.count, columns: 0..<fc1.outputs, into: hidden)
      switch parameters.activation {
      case .gelu: lab_gelu(hidden, rows.count, fc1.outputs, fc1.outputs)
      case .swiglu: lab_swiglu(hidden, rows.count, fc2.inputs, fc1.outputs)
      }
      fc2.apply(
        hidden, stride: fc1.outputs, rows: rows.count, columns: 0..<fc2.outputs, into: source,
        accumulates: true)
    }
  }
}

extension LayerNormParameters {
  func apply(_ input: UnsafePointer<Float>, rows: Int, into output: UnsafeMutablePointer<Float>) {
    lab_layer_norm(
      input, weight.floats, bias.floats, epsilon, rows, weight.shape[0], output)
  }
}

extension LinearParameters {
  /// Rows up to which reading the weight is the whole cost.
  private static let fewRows = 4

  /// Some columns of the layer over `rows` rows; `output` is the first row's start.
  ///
  /// The product is added to the bias, or to what is there: OpenBLAS would write zeros first in a pass of its own.
  func apply(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, columns: Range<Int>,
    into output: UnsafeMutablePointer<Float>, accumulates: Bool = false
  ) {
    let result = output + columns.lowerBound
    let added = bias.floats + columns.lowerBound
    if accumulates {
      lab_add_bias(result, added, rows, columns.count, outputs)
    } else {
      lab_fill_bias(result, added, rows, columns.count, outputs)
    }
    if rows <= Self.fewRows {
      lab_few_rows(
        input, rows, inputs, stride, weight.floats + columns.lowerBound, outputs, columns.count,
        result, outputs)
    } else {
      product(
        .plain, rows, columns.count, inputs, input, stride, weight.floats + columns.lowerBound,
        outputs, result, outputs, beta: 1)
    }
  }
}
