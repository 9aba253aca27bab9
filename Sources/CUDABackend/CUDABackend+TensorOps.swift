import Tensors

/// Operations that have no kernel on a card yet; `supports` says so before a pass is made.
extension CUDABackend {
  package func supports(_ kind: OperationKind) -> Bool {
    switch kind {
    case .convolution, .depthwiseConvolution, .linear, .normalization, .linearAttention,
      .attentionMap, .pooling, .elementwise, .copy:
      false
    default: true
    }
  }

  private func unavailable(_ operation: String) {
    card.fail(
      operation, TensorsError.operationsUnavailable(operations: [operation], device: name))
  }

  package func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
    _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters {
    throw .operationsUnavailable(
      operations: [OperationKind.convolution.rawValue], device: name)
  }

  package func convolve(
    _ input: FeatureMap, _ convolution: ConvolutionParameters, _ epilogue: Epilogue,
    into output: FeatureMap
  ) { unavailable("convolution") }

  package func linear(
    _ input: TensorView, _ linear: LinearParameters, _ epilogue: Epilogue, into output: TensorView
  ) { unavailable("linear") }

  package func layerNorm(
    _ input: TensorView, _ norm: LayerNormParameters, into output: TensorView
  ) { unavailable("normalization") }

  package func affine(
    _ input: TensorView, scale: Tensor, shift: Tensor, _ activation: Activation,
    into output: TensorView
  ) { unavailable("normalization") }

  package func attention(_ operands: AttentionOperands) { unavailable("attention of views") }

  package func linearAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) { unavailable("linear attention") }

  package func attentionMap(
    queries: HeadView, keys: HeadView, scale: Float, tokenSize: Tensor?, into map: Tensor
  ) { unavailable("attention map") }

  package func applyAttentionMap(_ map: Tensor, values: HeadView, into output: HeadView) {
    unavailable("attention map")
  }

  package func summarizeAttention(_ map: Tensor, _ statistics: AttentionStatistics) {
    unavailable("attention map")
  }

  package func pool(_ input: FeatureMap, _ pooling: Pooling, into output: FeatureMap) {
    unavailable("pooling")
  }

  package func globalAveragePool(_ input: FeatureMap, into output: TensorView) {
    unavailable("pooling")
  }

  package func add(
    _ left: TensorView, _ right: TensorView, _ activation: Activation, into output: TensorView
  ) { unavailable("elementwise") }

  package func multiply(_ left: TensorView, _ right: TensorView, into output: TensorView) {
    unavailable("elementwise")
  }

  package func activate(_ input: TensorView, _ activation: Activation, into output: TensorView) {
    unavailable("elementwise")
  }

  package func gather(_ input: TensorView, _ indices: Tensor, into output: TensorView) {
    unavailable("copy")
  }

  package func copy(_ input: TensorView, into output: TensorView) { unavailable("copy") }

  package func unfold(_ images: Tensor, patch: Int, into rows: TensorView) { unavailable("copy") }
}
