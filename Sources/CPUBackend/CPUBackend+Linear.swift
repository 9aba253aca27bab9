import CKernels
import Tensors

extension CPUBackend {
  /// The weight is stored [inputs, outputs]: OpenBLAS packs that layout faster (4 to 8 % of a product at one image).
  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    precondition(weight.count == inputs * outputs, "a weight of another layer")
    let stored = try allocate(Shape(inputs, outputs), .float32)
    if let source = weight.baseAddress {
      run(
        TransposeRegion(
          backend: self, input: source, rows: outputs, width: inputs, output: stored.floats)
      ) { TransposeRegion.enter($0, $1) }
    }
    let storedBias = try allocate(Shape(outputs), .float32)
    if let bias {
      upload(bias, to: storedBias)
    } else {
      storedBias.floats.update(repeating: 0, count: outputs)
    }
    return LinearParameters(weight: stored, bias: storedBias, inputs: inputs, outputs: outputs)
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    let rows = input.shape.count / linear.inputs
    let source = norm.map { normalize(input.floats, $0, rows) } ?? UnsafePointer(input.floats)
    apply(linear, source, rows: rows, into: output.floats)
  }

  package func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor) {
    apply(
      linear, input.floats, rows: input.shape.count / linear.inputs, into: stream.floats,
      accumulates: true)
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    let rows = stream.shape.count / parameters.fc1.inputs
    if WorkSplit.byRowsAlone(rows: rows, threads: threads) {
      run(
        FeedForwardRegion(
          backend: self, split: WorkSplit(rows: rows, columns: 1, threads: threads),
          stream: stream.floats, parameters: parameters)
      ) { FeedForwardRegion.enter($0, $1) }
    } else {
      feedForwardTogether(stream, parameters, rows: rows)
    }
  }

  /// All workers on the same rows, each on its own columns.
  private func feedForwardTogether(
    _ stream: Tensor, _ parameters: FeedForwardParameters, rows: Int
  ) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let gated = parameters.activation == .swiglu
    apply(
      fc1, normalize(stream.floats, parameters.norm, rows), rows: rows, into: sharedHidden.floats,
      epilogue: gated ? .none : .gelu)
    if gated {
      // A gate needs both halves of its row, which two workers made.
      run(
        GateRegion(
          backend: self, split: WorkSplit(rows: rows, columns: fc2.inputs, threads: threads),
          hidden: sharedHidden.floats, stride: fc1.outputs)
      ) { GateRegion.enter($0, $1) }
    }
    apply(
      fc2, sharedHidden.floats, stride: fc1.outputs, rows: rows, into: stream.floats,
      accumulates: true)
  }

  private func apply(
    _ linear: LinearParameters, _ input: UnsafePointer<Float>, stride: Int? = nil, rows: Int,
    into output: UnsafeMutablePointer<Float>, accumulates: Bool = false,
    epilogue: LinearRegion.Epilogue = .none
  ) {
    run(
      LinearRegion(
        backend: self, split: WorkSplit(rows: rows, columns: linear.outputs, threads: threads),
        input: input, inputStride: stride ?? linear.inputs, linear: linear, output: output,
        accumulates: accumulates, epilogue: epilogue)
    ) { LinearRegion.enter($0, $1) }
  }

  /// LayerNorm of all rows into memory that all workers share.
  private func normalize(
    _ rows: UnsafePointer<Float>, _ norm: LayerNormParameters, _ count: Int
  ) -> UnsafePointer<Float> {
    run(
      NormalizeRegion(
        backend: self, input: rows, norm: norm, rows: count, output: sharedNormalized.floats)
    ) { NormalizeRegion.enter($0, $1) }
    return UnsafePointer(sharedNormalized.floats)
  }
}

/// A weight from [outputs, inputs] to [inputs, outputs].
private struct TransposeRegion: ParallelRegion {
  let backend: CPUBackend
  let input: UnsafePointer<Float>
  let rows: Int
  let width: Int
  let output: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    let own = backend.share(of: rows, worker: worker)
    lab_transpose(
      input + own.lowerBound * width, own.count, width, width, output + own.lowerBound, rows)
  }
}
