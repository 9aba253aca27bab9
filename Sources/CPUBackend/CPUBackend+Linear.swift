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
      parallel { worker in
        let rows = share(of: outputs, worker: worker)
        lab_transpose(
          source + rows.lowerBound * inputs, rows.count, inputs, inputs,
          stored.floats + rows.lowerBound, outputs)
      }
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
    let source = norm.map { normalizeAll(input.floats, $0, rows) } ?? UnsafePointer(input.floats)
    each(WorkSplit(rows: rows, columns: linear.outputs, threads: threads)) {
      _, rows, columns in
      let result = output.floats + rows.lowerBound * linear.outputs
      multiply(
        source + rows.lowerBound * linear.inputs, linear.inputs, rows, columns, linear, result)
    }
  }

  package func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor) {
    let rows = input.shape.count / linear.inputs
    accumulate(input.floats, stride: linear.inputs, rows: rows, linear, onto: stream.floats)
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let rows = stream.shape.count / fc1.inputs
    guard WorkSplit.byRowsAlone(rows: rows, threads: threads) else {
      return feedForwardTogether(stream, parameters, rows: rows)
    }
    // Every worker takes its rows through the whole network: the hidden rows never leave its cache.
    each(WorkSplit(rows: rows, columns: 1, threads: threads)) { worker, rows, _ in
      let own = scratch[worker]
      let source = stream.floats + rows.lowerBound * fc1.inputs
      normalize(source, parameters.norm, rows.count, into: own.normalized.floats)
      let hidden = own.hidden.floats
      multiply(own.normalized.floats, fc1.inputs, 0..<rows.count, 0..<fc1.outputs, fc1, hidden)
      activate(hidden, parameters, rows: rows.count, columns: 0..<activeColumns(parameters))
      multiply(
        hidden, fc1.outputs, 0..<rows.count, 0..<fc2.outputs, fc2, source, accumulates: true)
    }
  }

  /// All workers on the same rows, each on its own columns.
  private func feedForwardTogether(
    _ stream: Tensor, _ parameters: FeedForwardParameters, rows: Int
  ) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let source = normalizeAll(stream.floats, parameters.norm, rows)
    let hidden = sharedHidden.floats
    let gated = parameters.activation == .swiglu
    each(WorkSplit(rows: rows, columns: fc1.outputs, threads: threads)) { _, rows, columns in
      let result = hidden + rows.lowerBound * fc1.outputs
      multiply(source + rows.lowerBound * fc1.inputs, fc1.inputs, rows, columns, fc1, result)
      if !gated { activate(result, parameters, rows: rows.count, columns: columns) }
    }
    if gated {
      // A gate needs both halves of its row, which two workers made.
      each(WorkSplit(rows: rows, columns: fc2.inputs, threads: threads)) { _, rows, columns in
        activate(
          hidden + rows.lowerBound * fc1.outputs, parameters, rows: rows.count, columns: columns)
      }
    }
    accumulate(hidden, stride: fc1.outputs, rows: rows, fc2, onto: stream.floats)
  }

  private func activeColumns(_ parameters: FeedForwardParameters) -> Int {
    parameters.activation == .swiglu ? parameters.fc2.inputs : parameters.fc1.outputs
  }

  private func activate(
    _ hidden: UnsafeMutablePointer<Float>, _ parameters: FeedForwardParameters, rows: Int,
    columns: Range<Int>
  ) {
    let stride = parameters.fc1.outputs
    switch parameters.activation {
    case .gelu: lab_gelu(hidden + columns.lowerBound, rows, columns.count, stride)
    case .swiglu: lab_swiglu(hidden + columns.lowerBound, rows, columns.count, stride)
    }
  }

  /// `output += input · weight + bias`.
  private func accumulate(
    _ input: UnsafePointer<Float>, stride: Int, rows: Int, _ linear: LinearParameters,
    onto output: UnsafeMutablePointer<Float>
  ) {
    each(WorkSplit(rows: rows, columns: linear.outputs, threads: threads)) { _, rows, columns in
      multiply(
        input + rows.lowerBound * stride, stride, rows, columns, linear,
        output + rows.lowerBound * linear.outputs, accumulates: true)
    }
  }

  /// Some columns of `rows.count` rows of a linear layer; `output` is the first row's start.
  ///
  /// The product is added to the bias, or to what is there: OpenBLAS would write zeros first in a pass of its own.
  private func multiply(
    _ input: UnsafePointer<Float>, _ stride: Int, _ rows: Range<Int>, _ columns: Range<Int>,
    _ linear: LinearParameters, _ output: UnsafeMutablePointer<Float>, accumulates: Bool = false
  ) {
    let result = output + columns.lowerBound
    let bias = linear.bias.floats + columns.lowerBound
    if accumulates {
      lab_add_bias(result, bias, rows.count, columns.count, linear.outputs)
    } else {
      lab_fill_bias(result, bias, rows.count, columns.count, linear.outputs)
    }
    product(
      .plain, rows.count, columns.count, linear.inputs, input, stride,
      linear.weight.floats + columns.lowerBound, linear.outputs, result, linear.outputs, beta: 1)
  }

  /// Runs a body on every block of a split, each worker on its own.
  private func each(
    _ split: WorkSplit, _ body: (_ worker: Int, _ rows: Range<Int>, _ columns: Range<Int>) -> Void
  ) {
    parallel { worker in
      for task in share(of: split.count, worker: worker) {
        let (rows, columns) = (split.rowRange(task), split.columnRange(task))
        if !rows.isEmpty, !columns.isEmpty { body(worker, rows, columns) }
      }
    }
  }

  private func normalizeAll(
    _ rows: UnsafePointer<Float>, _ norm: LayerNormParameters, _ count: Int
  ) -> UnsafePointer<Float> {
    let width = norm.weight.shape[0]
    let output = sharedNormalized.floats
    parallel { worker in
      let own = share(of: count, worker: worker)
      normalize(
        rows + own.lowerBound * width, norm, own.count, into: output + own.lowerBound * width)
    }
    return UnsafePointer(output)
  }

  func normalize(
    _ rows: UnsafePointer<Float>, _ norm: LayerNormParameters, _ count: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    lab_layer_norm(
      rows, norm.weight.floats, norm.bias.floats, norm.epsilon, count, norm.weight.shape[0],
      output)
  }
}
