import Tensors

/// What has no kernel on a card yet, and what another kernel does.
extension CUDABackend {
  /// Whether a pass can have an operation; asked before it is made.
  package func supports(_ kind: OperationKind) -> Bool { kind != .reducedAttention }

  private func unavailable(_ operation: String) {
    card.fail(
      operation, TensorsError.operationsUnavailable(operations: [operation], device: name))
  }

  package func reducedAttention(
    queries: HeadView, keys: HeadView, values: HeadView, epsilon: Float, into output: HeadView
  ) { unavailable("reduced attention") }

  /// The largest of one pixel is the pixel.
  package func copy(_ input: FeatureMap, into output: FeatureMap) {
    guard output.height <= input.height, output.width <= input.width else {
      return unavailable("copy with zeros beyond the input")
    }
    pool(input, Pooling(.maximum, window: 1, stride: 1), into: output)
  }
}
