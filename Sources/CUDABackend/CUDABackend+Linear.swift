import Tensors

extension CUDABackend {
  /// The weight is stored as it comes, [outputs, inputs], with rows padded to a multiple of eight
  /// values.
  ///
  /// The bias is there twice: as float32, and behind it as the type of the activations, since
  /// cuBLASLt wants it as its output is.
  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    precondition(weight.count == inputs * outputs, "a weight of another layer")
    let stride = Self.padded(inputs)
    let stored = try allocate(Shape(outputs, stride), activationType)
    if stride == inputs {
      upload(weight, to: stored)
    } else {
      var rows = [Float](repeating: 0, count: outputs * stride)
      for row in 0..<outputs {
        for column in 0..<inputs { rows[row * stride + column] = weight[row * inputs + column] }
      }
      rows.withUnsafeBufferPointer { upload($0, to: stored) }
    }
    let values = bias.map(Array.init) ?? [Float](repeating: 0, count: outputs)
    let offset = Self.biasOffset(outputs)
    let storedBias = try allocate(
      Shape(offset / 4 + outputs), .float32)
    values.withUnsafeBufferPointer { values in
      upload(values, to: storedBias)
      if activationType != .float32 {
        uploadConverted(values, to: storedBias.storage.address + offset)
      }
    }
    return LinearParameters(
      weight: stored, bias: storedBias.view(Shape(outputs)), inputs: inputs, outputs: outputs)
  }

  /// Bytes from the float32 bias to the other one.
  private static func biasOffset(_ outputs: Int) -> Int { Arena.aligned(4 * outputs) }

  /// The bias as an output of this type wants it.
  private func bias(_ linear: LinearParameters, for type: DType) -> UnsafeMutableRawPointer {
    linear.bias.storage.address + (type == .float32 ? 0 : Self.biasOffset(linear.outputs))
  }

  package func project(
    _ input: Tensor, norm: LayerNormParameters?, _ linear: LinearParameters, into output: Tensor
  ) {
    let rows = input.shape.count / linear.inputs
    let source = norm.map { normalize(input, $0, rows) } ?? input.storage.address
    multiply(linear, source, rows: rows, into: output.storage.address, type: output.dtype)
  }

  package func projectResidual(_ input: Tensor, _ linear: LinearParameters, onto stream: Tensor) {
    multiply(
      linear, input.storage.address, rows: input.shape.count / linear.inputs,
      into: stream.storage.address, type: stream.dtype, accumulates: true)
  }

  package func feedForward(_ stream: Tensor, _ parameters: FeedForwardParameters) {
    let (fc1, fc2) = (parameters.fc1, parameters.fc2)
    let rows = stream.shape.count / fc1.inputs
    let hidden = scratch(\.hidden)
    multiply(
      fc1, normalize(stream, parameters.norm, rows), rows: rows, into: hidden, type: activationType)
    var source = hidden
    switch parameters.activation {
    case .gelu:
      launch(
        "gelu" + suffix, grid: (Self.blocks(rows * fc1.outputs, 2048), 1, 1), block: 256,
        .address(hidden), .long(rows * fc1.outputs))
    case .swiglu:
      source = scratch(\.gated)
      launch(
        "swiglu" + suffix, grid: (Self.blocks(rows * fc2.inputs, 2048), 1, 1), block: 256,
        .address(hidden), .address(source), .int(rows), .int(fc2.inputs))
    }
    multiply(
      fc2, source, rows: rows, into: stream.storage.address, type: stream.dtype,
      accumulates: true)
  }

  /// LayerNorm of all rows into scratch memory.
  private func normalize(
    _ input: Tensor, _ norm: LayerNormParameters, _ rows: Int
  ) -> UnsafeMutableRawPointer {
    let output = scratch(\.normalized)
    launch(
      "layer_norm" + suffix, grid: (Self.blocks(rows, 4), 1, 1), block: 128, .tensor(input),
      .tensor(norm.weight), .tensor(norm.bias), .float(norm.epsilon), .int(rows),
      .int(norm.weight.shape.count), .address(output))
    return output
  }

  /// - Parameter depth: Values of a row of `input`, where it is padded as the weight is.
  func multiply(
    _ linear: LinearParameters, _ input: UnsafeMutableRawPointer, rows: Int,
    into output: UnsafeMutableRawPointer, type: DType, accumulates: Bool = false,
    depth: Int? = nil
  ) {
    guard rows > 0 else { return }
    let bias = bias(linear, for: type)
    let depth = depth ?? linear.inputs
    let shape = ProductShape(
      rows: rows, outputs: linear.outputs, depth: depth,
      weightStride: Self.padded(linear.inputs), inputStride: depth, type: activationType,
      outputType: type, hasBias: true, accumulates: accumulates, isTF32: precision == .tf32,
      alignment: ProductShape.alignment(of: linear.weight.storage.address, input, output))
    card.attempt { () throws(CUDAError) in
      try products.multiply(
        shape, weight: linear.weight.storage.address, bias: bias, input: input, output: output)
    }
  }
}
