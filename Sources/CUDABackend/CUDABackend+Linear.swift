import Tensors

extension CUDABackend {
  /// The weight is stored as it comes, [outputs, inputs], with rows padded to a multiple of eight
  /// values.
  ///
  /// The bias is there twice: as float32, and behind it as the type of the activations, since
  /// cuBLASLt expects it in the type of its output.
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
    return LinearParameters(
      weight: stored, bias: try makeBias(bias, outputs: outputs), inputs: inputs,
      outputs: outputs)
  }

  /// A bias as both types want it; zeros where there is none.
  func makeBias(
    _ bias: UnsafeBufferPointer<Float>?, outputs: Int
  ) throws(TensorsError) -> Tensor {
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
    return storedBias.view(Shape(outputs))
  }

  /// Bytes from the float32 bias to the other one.
  private static func biasOffset(_ outputs: Int) -> Int { Arena.aligned(4 * outputs) }

  /// The bias as an output of this type needs it.
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
    let normalized = normalize(stream, parameters.norm, rows)
    var source = hidden
    switch parameters.activation {
    case .gelu: multiplyAndActivate(fc1, normalized, rows: rows, into: hidden)
    case .swiglu:
      multiply(fc1, normalized, rows: rows, into: hidden, type: activationType)
      source = scratch(\.gated)
      launch(
        "swiglu" + suffix, grid: (Self.blocks(rows * fc2.inputs, 2048), 1, 1), block: 256,
        .address(hidden), .address(source), .int(rows), .int(fc2.inputs))
    }
    multiply(
      fc2, source, rows: rows, into: stream.storage.address, type: stream.dtype,
      accumulates: true)
  }

  /// `hidden = gelu(linear(input))`, by the library and a kernel for GELU, or by a product of ours
  /// that ends with it, whichever is faster for these sizes.
  private func multiplyAndActivate(
    _ linear: LinearParameters, _ input: UnsafeMutableRawPointer, rows: Int,
    into hidden: UnsafeMutableRawPointer
  ) {
    func apart() {
      multiply(linear, input, rows: rows, into: hidden, type: activationType)
      launch(
        "gelu" + suffix, grid: (Self.blocks(rows * linear.outputs, 2048), 1, 1), block: 256,
        .address(hidden), .long(rows * linear.outputs))
    }
    guard usesTensorCores, linear.inputs % 8 == 0 else { return apart() }
    func fused() {
      let extent = ConvolutionExtent(inputs: linear.inputs, outputs: linear.outputs, kernel: 1)
      launchTensorCores(
        Picture(rows: rows, extent), input, linear.weight.storage.address,
        Self.padded(linear.inputs), linear.bias, Epilogue(.gelu), hidden, rows)
    }
    let size = [rows, linear.inputs, linear.outputs]
    if fusedChoices[size] == nil, !isCapturing {
      do throws(CUDAError) {
        let times = [
          try ProductTrial.seconds(card, apart), try ProductTrial.seconds(card, fused),
        ]
        fusedChoices[size] = ProductTrial.choice(times) == 1
      } catch {
        return card.fail("timing a layer", error)
      }
    }
    if fusedChoices[size] == true { fused() } else { apart() }
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

  /// - Parameters:
  ///   - depth: Values of a row of `input`, where it is padded as the weight is.
  ///   - inputStride: Values from one row of `input` to the next; `depth` where nothing is given.
  func multiply(
    _ linear: LinearParameters, _ input: UnsafeMutableRawPointer, rows: Int,
    into output: UnsafeMutableRawPointer, type: DType, accumulates: Bool = false,
    depth: Int? = nil, inputStride: Int? = nil
  ) {
    guard rows > 0 else { return }
    let bias = bias(linear, for: type)
    let depth = depth ?? linear.inputs
    let shape = ProductShape(
      rows: rows, outputs: linear.outputs, depth: depth,
      weightStride: Self.padded(linear.inputs), inputStride: inputStride ?? depth,
      type: activationType,
      outputType: type, hasBias: true, accumulates: accumulates, isTF32: precision == .tf32,
      alignment: ProductShape.alignment(of: linear.weight.storage.address, input, output))
    card.attempt { () throws(CUDAError) in
      try products.multiply(
        shape, weight: linear.weight.storage.address, bias: bias, input: input, output: output)
    }
  }
}
