import CKernels
import Tensors

extension CPUBackend {
  /// The weight is stored in the layout that the GEMM reads; the bias is padded with zeros to whole
  /// panels.
  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    precondition(weight.count == inputs * outputs, "the weight has another size than the layer")
    let stored = try allocateWeight(inputs: inputs, outputs: outputs)
    if let source = weight.baseAddress {
      run(
        PackRegion(
          backend: self, weight: source, inputs: inputs, outputs: outputs,
          stored: stored.storage.address)
      ) { PackRegion.enter($0, $1) }
    }
    let storedBias = try allocate(Shape(lab_packed_count(outputs, 1)), .float32)
    storedBias.floats.update(repeating: 0, count: storedBias.shape.count)
    if let bias { upload(bias, to: storedBias) }
    return LinearParameters(weight: stored, bias: storedBias, inputs: inputs, outputs: outputs)
  }

  private func allocateWeight(inputs: Int, outputs: Int) throws(TensorsError) -> Tensor {
    switch linearGEMM {
    case .packed: try allocate(Shape(lab_packed_count(outputs, inputs)), .float32)
    case .blas: try allocate(Shape(outputs * inputs), .float32)
    case .bfloat16: try allocate(Shape(lab_bfloat16_packed_bytes(outputs, inputs) / 2), .bfloat16)
    case .int8: try allocate(Shape(lab_int8_packed_bytes(outputs, inputs)), .uint8)
    }
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    let rows = input.shape.count / linear.inputs
    let target = Rows(output.floats, stride: linear.outputs)
    guard let norm else {
      return apply(linear, Rows(input.floats, stride: linear.inputs), rows: rows, into: target)
    }
    if isRowwise(linear, rows: rows) {
      applyRowwise(
        linear, Rows(input.floats, stride: linear.inputs), rows: rows, norm, into: target, .none)
    } else {
      apply(linear, normalize(input.floats, norm, rows), rows: rows, into: target)
    }
  }

  package func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor) {
    apply(
      linear, Rows(input.floats, stride: linear.inputs), rows: input.shape.count / linear.inputs,
      into: Rows(stream.floats, stride: linear.outputs), .add)
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    feedForward(stream, parameters, onto: stream)
  }

  package func feedForward(
    _ input: Tensor, _ parameters: FeedForwardParameters, onto stream: Tensor
  ) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let rows = stream.shape.count / fc1.inputs
    let hidden = linearGEMM.hiddenFloats(
      fc1.outputs, isGated: parameters.activation == .swiglu)
    let weights = fc1.inputs * fc1.outputs + fc2.inputs * fc2.outputs
    if WorkSplit.isChained(rows: rows, hidden: hidden, weights: weights, threads: threads) {
      let chain = WorkSplit.chainRows(hidden: hidden)
      reserveOperands(rows: min(rows, chain), k: max(fc1.inputs, fc2.inputs))
      run(
        FeedForwardRegion(
          backend: self, split: WorkSplit(chainedRows: rows, hidden: hidden, threads: threads),
          input: input.floats, stream: stream.floats, parameters: parameters)
      ) { FeedForwardRegion.enter($0, $1) }
    } else {
      feedForwardTogether(input, parameters, rows: rows, onto: stream)
    }
  }

  /// A feed-forward network whose workers all work on the same rows, each on its own panels.
  ///
  /// Rows are processed in slabs, which limits the memory for hidden rows.
  private func feedForwardTogether(
    _ input: Tensor, _ parameters: FeedForwardParameters, rows: Int, onto stream: Tensor
  ) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let isGated = parameters.activation == .swiglu
    let hidden = Rows(sharedHidden.floats, stride: Rows.stride(fc1.outputs))
    let normalized = normalize(input.floats, parameters.norm, rows)
    let slabs = (rows + WorkSplit.slabRows - 1) / WorkSplit.slabRows
    for slab in 0..<slabs {
      let own = (rows * slab / slabs)..<(rows * (slab + 1) / slabs)
      applyTogether(
        fc1, normalized.from(own.lowerBound), rows: own.count, into: hidden,
        isGated ? .none : .gelu)
      if isGated {
        // A gate needs both halves of a row, which different workers may have computed.
        run(GateRegion(backend: self, rows: own.count, width: fc2.inputs, hidden: hidden)) {
          GateRegion.enter($0, $1)
        }
      }
      let output = Rows(stream.floats, stride: fc2.outputs).from(own.lowerBound)
      applyTogether(fc2, hidden, rows: own.count, into: output, .add)
    }
  }

  /// Whether each worker computes whole rows of a layer on its own.
  private func isRowwise(_ linear: LinearParameters, rows: Int) -> Bool {
    WorkSplit.isChained(
      rows: rows, hidden: linear.inputs, weights: linear.inputs * linear.outputs, threads: threads)
  }

  /// Applies a linear layer to rows.
  func apply(
    _ linear: LinearParameters, _ input: Rows, rows: Int, into output: Rows,
    _ epilogue: GEMMEpilogue = .none
  ) {
    // If a worker computes whole rows, it rounds them once for all panels.
    if linearGEMM.roundsRows, isRowwise(linear, rows: rows) {
      applyRowwise(linear, input, rows: rows, nil, into: output, epilogue)
    } else {
      applyTogether(linear, input, rows: rows, into: output, epilogue)
    }
  }

  private func applyRowwise(
    _ linear: LinearParameters, _ input: Rows, rows: Int, _ norm: LayerNormParameters?,
    into output: Rows, _ epilogue: GEMMEpilogue
  ) {
    reserveOperands(
      rows: min(rows, WorkSplit.chainRows(hidden: linear.inputs)), k: linear.inputs)
    run(
      RowwiseLinearRegion(
        backend: self,
        split: WorkSplit(chainedRows: rows, hidden: linear.inputs, threads: threads),
        input: input, norm: norm, linear: linear, output: output, epilogue: epilogue)
    ) { RowwiseLinearRegion.enter($0, $1) }
  }

  /// Applies a linear layer with tasks of rows and panels; rounds all rows first if the GEMM needs
  /// it.
  private func applyTogether(
    _ linear: LinearParameters, _ input: Rows, rows: Int, into output: Rows,
    _ epilogue: GEMMEpilogue
  ) {
    var operand = Operand(input)
    if linearGEMM.roundsRows {
      let k = linear.inputs
      reserveSharedOperand(rows: rows, k: k)
      operand = Operand(in: sharedOperand, rows: rows, k: k, linearGEMM)
      let region = RoundRegion(backend: self, input: input, rows: rows, k: k, output: operand)
      // Waking the other workers would take longer.
      if rows * k < 16_384 {
        operand.round(input, count: rows, k: k)
      } else {
        run(region) { RoundRegion.enter($0, $1) }
      }
    }
    run(
      LinearRegion(
        backend: self,
        split: WorkSplit(
          rows: rows, k: linear.inputs, panels: linearGEMM.panels(linear.outputs),
          threads: threads),
        input: operand, linear: linear, output: output, epilogue: epilogue)
    ) { LinearRegion.enter($0, $1) }
  }

  /// LayerNorm of all rows into shared memory.
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

/// Converts a weight `[outputs, inputs]` to the layout that the GEMM reads.
private struct PackRegion: ParallelRegion {
  let backend: CPUBackend
  let weight: UnsafePointer<Float>
  let inputs: Int
  let outputs: Int
  let stored: UnsafeMutableRawPointer

  func run(worker: Int) {
    let gemm = backend.linearGEMM
    let own = backend.share(of: gemm.panels(outputs), worker: worker)
    switch gemm {
    case .packed:
      lab_pack_transposed(
        weight, outputs, inputs, inputs, own.lowerBound, own.upperBound,
        stored.assumingMemoryBound(to: Float.self))
    case .blas:
      let first = own.lowerBound * gemm.panelWidth * inputs
      let last = min(outputs, own.upperBound * gemm.panelWidth) * inputs
      (stored.assumingMemoryBound(to: Float.self) + first).update(
        from: weight + first, count: max(0, last - first))
    case .bfloat16:
      lab_pack_bfloat16(
        weight, outputs, inputs, inputs, 1, own.lowerBound, own.upperBound, stored)
    case .int8:
      lab_pack_int8(weight, outputs, inputs, inputs, own.lowerBound, own.upperBound, stored)
    }
  }
}
