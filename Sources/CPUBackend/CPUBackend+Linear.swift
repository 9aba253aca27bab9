import CKernels
import Tensors

extension CPUBackend {
  /// The weight is stored packed, as the products read it; the bias is filled up with zeros to
  /// whole panels.
  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    precondition(weight.count == inputs * outputs, "a weight of another layer")
    let packed = try allocate(Shape(lab_packed_count(outputs, inputs)), .float32)
    if let source = weight.baseAddress {
      run(
        PackRegion(
          backend: self, weight: source, inputs: inputs, outputs: outputs, packed: packed.floats)
      ) { PackRegion.enter($0, $1) }
    }
    let storedBias = try allocate(Shape(lab_packed_count(outputs, 1)), .float32)
    storedBias.floats.update(repeating: 0, count: storedBias.shape.count)
    if let bias { upload(bias, to: storedBias) }
    return LinearParameters(weight: packed, bias: storedBias, inputs: inputs, outputs: outputs)
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    let rows = input.shape.count / linear.inputs
    let target = Rows(output.floats, stride: linear.outputs)
    guard let norm else {
      return apply(linear, Rows(input.floats, stride: linear.inputs), rows: rows, into: target)
    }
    guard
      WorkSplit.isChained(
        rows: rows, hidden: linear.inputs, weights: linear.inputs * linear.outputs, threads: threads
      )
    else {
      return apply(linear, normalize(input.floats, norm, rows), rows: rows, into: target)
    }
    run(
      NormalizedLinearRegion(
        backend: self,
        split: WorkSplit(chainedRows: rows, hidden: linear.inputs, threads: threads),
        input: input.floats, norm: norm, linear: linear, output: target)
    ) { NormalizedLinearRegion.enter($0, $1) }
  }

  package func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor) {
    apply(
      linear, Rows(input.floats, stride: linear.inputs), rows: input.shape.count / linear.inputs,
      into: Rows(stream.floats, stride: linear.outputs), end: .add)
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    let rows = stream.shape.count / parameters.fc1.inputs
    let hidden = parameters.fc1.outputs
    let weights = parameters.fc1.inputs * hidden + parameters.fc2.inputs * parameters.fc2.outputs
    if WorkSplit.isChained(rows: rows, hidden: hidden, weights: weights, threads: threads) {
      let split = WorkSplit(chainedRows: rows, hidden: hidden, threads: threads)
      run(
        FeedForwardRegion(
          backend: self, split: split, stream: stream.floats, parameters: parameters)
      ) { FeedForwardRegion.enter($0, $1) }
    } else {
      feedForwardTogether(stream, parameters, rows: rows)
    }
  }

  /// All workers on the same rows, each on its own panels; of many rows some at a time, so that the
  /// hidden rows stay few.
  private func feedForwardTogether(
    _ stream: Tensor, _ parameters: FeedForwardParameters, rows: Int
  ) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let isGated = parameters.activation == .swiglu
    let hidden = Rows(sharedHidden.floats, stride: Rows.stride(fc1.outputs))
    let normalized = normalize(stream.floats, parameters.norm, rows)
    let slabs = (rows + WorkSplit.slabRows - 1) / WorkSplit.slabRows
    for slab in 0..<slabs {
      let own = (rows * slab / slabs)..<(rows * (slab + 1) / slabs)
      apply(
        fc1, normalized.from(own.lowerBound), rows: own.count, into: hidden,
        end: isGated ? .replace : .gelu)
      if isGated {
        // A gate needs both halves of its row, which two workers made.
        run(GateRegion(backend: self, rows: own.count, width: fc2.inputs, hidden: hidden)) {
          GateRegion.enter($0, $1)
        }
      }
      let output = Rows(stream.floats, stride: fc2.outputs).from(own.lowerBound)
      apply(fc2, hidden, rows: own.count, into: output, end: .add)
    }
  }

  func apply(
    _ linear: LinearParameters, _ input: Rows, rows: Int, into output: Rows,
    end: ProductEnd = .replace
  ) {
    run(
      LinearRegion(
        backend: self,
        split: WorkSplit(
          rows: rows, depth: linear.inputs, panels: linear.panels, threads: threads),
        input: input, linear: linear, output: output, end: end)
    ) { LinearRegion.enter($0, $1) }
  }

  /// LayerNorm of all rows into memory that all workers share.
  private func normalize(
    _ rows: UnsafePointer<Float>, _ norm: LayerNormParameters, _ count: Int
  ) -> Rows {
    let output = Rows(
      sharedNormalized.floats, stride: Rows.stride(norm.weight.shape[0]))
    run(NormalizeRegion(backend: self, input: rows, norm: norm, rows: count, output: output)) {
      NormalizeRegion.enter($0, $1)
    }
    return output
  }
}

/// A weight [outputs, inputs] into panels.
private struct PackRegion: ParallelRegion {
  let backend: CPUBackend
  let weight: UnsafePointer<Float>
  let inputs: Int
  let outputs: Int
  let packed: UnsafeMutablePointer<Float>

  func run(worker: Int) {
    let own = backend.share(of: lab_panels(outputs), worker: worker)
    lab_pack_transposed(
      weight, outputs, inputs, inputs, own.lowerBound, own.upperBound, packed)
  }
}
