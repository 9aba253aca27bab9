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
    guard let norm else {
      return multiply(
        linear, input.storage.address, rows: rows, into: output.storage.address, type: output.dtype)
    }
    var ways = [
      Way(name: "library") { [self] in
        multiply(
          linear, normalize(input, norm, rows), rows: rows, into: output.storage.address,
          type: output.dtype)
      }
    ]
    if output.dtype == activationType,
      let own = normGEMM(input, norm, linear, .identity, into: output.storage.address)
    {
      ways.append(own)
    }
    runFastest("norm+linear", rows: rows, linear, ways, into: output.storage.address)
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
    var source = hidden
    switch parameters.activation {
    case .gelu: activatedLayer(stream, parameters.norm, fc1, rows: rows, into: hidden)
    case .swiglu:
      multiply(
        fc1, normalize(stream, parameters.norm, rows), rows: rows, into: hidden,
        type: activationType)
      source = scratch(\.gated)
      launch(
        "swiglu" + suffix, grid: (Self.blocks(rows * fc2.inputs, 2048), 1, 1), block: 256,
        .address(hidden), .address(source), .int(rows), .int(fc2.inputs))
    }
    multiply(
      fc2, source, rows: rows, into: stream.storage.address, type: stream.dtype,
      accumulates: true)
  }

  /// `hidden = gelu(linear(norm(stream)))`: by the library, by a GEMM of ours that ends with GELU,
  /// or all in one kernel, whichever is fastest for these sizes.
  private func activatedLayer(
    _ stream: Tensor, _ norm: LayerNormParameters, _ linear: LinearParameters, rows: Int,
    into hidden: UnsafeMutableRawPointer
  ) {
    var ways = [
      Way(name: "library") { [self] in
        let normalized = normalize(stream, norm, rows)
        if hasTanhGELU {
          multiplyWithTanhGELU(linear, normalized, rows: rows, into: hidden)
        } else {
          multiply(linear, normalized, rows: rows, into: hidden, type: activationType)
          launch(
            "gelu" + suffix, grid: (Self.blocks(rows * linear.outputs, 2048), 1, 1), block: 256,
            overlaps: true, .address(hidden), .long(rows * linear.outputs))
        }
      }
    ]
    if usesTensorCores, linear.inputs % 8 == 0 {
      ways += ownGEMMs(rows: rows, outputs: linear.outputs) { [self] plan in
        launchGEMM(
          plan, normalize(stream, norm, rows), stride: linear.inputs, rows: rows, linear,
          Epilogue(.gelu), into: hidden, outputStride: linear.outputs)
      }
    }
    if let own = normGEMM(stream, norm, linear, .gelu, into: hidden) { ways.append(own) }
    runFastest(
      hasTanhGELU ? "fc1+tanh-gelu" : "fc1+gelu", rows: rows, linear, ways, into: hidden)
  }

  /// The approximated GELU in the library's epilogue; in a kernel of its own where the library has
  /// no algorithm with it.
  private func multiplyWithTanhGELU(
    _ linear: LinearParameters, _ input: UnsafeMutableRawPointer, rows: Int,
    into hidden: UnsafeMutableRawPointer
  ) {
    var shape = shape(
      linear, input, rows: rows, into: hidden, type: activationType, accumulates: false)
    shape.hasGELU = true
    let operands = GEMMOperands(
      weight: linear.weight.storage.address, bias: bias(linear, for: activationType), input: input,
      output: hidden)
    if isCapturing || gemm.hasAlgorithm(shape, operands), !(lacksFusedGELU.contains(shape)) {
      card.attempt { () throws(CUDAError) in
        try gemm.multiply(
          shape, weight: operands.weight, bias: operands.bias, input: input, output: hidden)
      }
      logProduct(shape)
      return
    }
    lacksFusedGELU.insert(shape)
    multiply(linear, input, rows: rows, into: hidden, type: activationType)
    let count = rows * linear.outputs
    launch(
      "combine" + suffix, grid: (Self.blocks(count, 256), 1, 1), block: 256, .address(hidden),
      .int(linear.outputs), .address(nil), .int(0), .int(1), .address(hidden),
      .int(linear.outputs), .int(rows), .int(linear.outputs), .int(0), .int(mode(.gelu)))
  }

  /// LayerNorm of all rows into scratch memory.
  private func normalize(
    _ input: Tensor, _ norm: LayerNormParameters, _ rows: Int
  ) -> UnsafeMutableRawPointer {
    let output = scratch(\.normalized)
    launch(
      "layer_norm" + suffix, grid: (Self.blocks(rows, 4), 1, 1), block: 128, overlaps: true,
      .tensor(input),
      .tensor(norm.weight), .tensor(norm.bias), .float(norm.epsilon), .int(rows),
      .int(norm.weight.shape.count), .address(output))
    return output
  }

  /// - Parameters:
  ///   - k: Values of a row of `input`, where it is padded as the weight is.
  ///   - inputStride: Values from one row of `input` to the next; `k` where nothing is given.
  func multiply(
    _ linear: LinearParameters, _ input: UnsafeMutableRawPointer, rows: Int,
    into output: UnsafeMutableRawPointer, type: DType, accumulates: Bool = false,
    k: Int? = nil, inputStride: Int? = nil
  ) {
    guard rows > 0 else { return }
    let shape = shape(
      linear, input, rows: rows, into: output, type: type, accumulates: accumulates, k: k,
      inputStride: inputStride)
    card.attempt { () throws(CUDAError) in
      try gemm.multiply(
        shape, weight: linear.weight.storage.address, bias: bias(linear, for: type), input: input,
        output: output)
    }
    logProduct(shape)
  }

  /// Notes which of the library's algorithms computes a product of the pass that is captured.
  private func logProduct(_ shape: GEMMShape) {
    guard launches != nil, let algorithm = gemm.algorithmMark(shape) else { return }
    launches?.add(
      work: currentWork ?? "linear \(shape.outputs)x\(shape.k)", algorithm: algorithm)
  }

  private func shape(
    _ linear: LinearParameters, _ input: UnsafeMutableRawPointer, rows: Int,
    into output: UnsafeMutableRawPointer, type: DType, accumulates: Bool, k: Int? = nil,
    inputStride: Int? = nil
  ) -> GEMMShape {
    let k = k ?? linear.inputs
    return GEMMShape(
      rows: rows, outputs: linear.outputs, k: k,
      weightStride: Self.padded(linear.inputs), inputStride: inputStride ?? k,
      type: activationType, outputType: type, hasBias: true, accumulates: accumulates,
      isTF32: precision == .tf32,
      alignment: GEMMShape.alignment(of: linear.weight.storage.address, input, output))
  }
}
