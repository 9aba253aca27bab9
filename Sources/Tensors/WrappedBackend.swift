import Records

/// A backend that passes every operation on to another one and observes it.
///
/// It captures no pass, because a replay would bypass it.
package protocol WrappedBackend: ObservedOps {
  var wrapped: any Backend { get }
}

extension WrappedBackend {
  package var base: (any Backend)? { wrapped }

  package var name: String { wrapped.name }
  package var hardware: String { wrapped.hardware }
  package var threads: Int { wrapped.threads }
  package var libraryDescription: String { wrapped.libraryDescription }
  package var driver: String? { wrapped.driver }
  package var precision: Precision { wrapped.precision }
  package var activationType: DType { wrapped.activationType }
  package var engine: String? { wrapped.engine }

  package func check() throws { try wrapped.check() }
  package func fail(_ error: any Error) { wrapped.fail(error) }
  package func state() -> GPUState? { wrapped.state() }
  package func synchronize() { wrapped.synchronize() }
  package func supports(_ kind: OperationKind) -> Bool { wrapped.supports(kind) }

  // MARK: Memory

  package func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    try wrapped.allocate(shape, dtype)
  }

  package func withArena<Result>(
    bytes: Int?, _ body: () throws -> Result
  ) throws -> Result { try wrapped.withArena(bytes: bytes, body) }

  package func reserve(_ operations: [PassOperation]) throws(TensorsError) {
    try wrapped.reserve(operations)
  }

  package func temporary(_ slot: TemporarySlot, _ shape: Shape, _ dtype: DType) -> Tensor {
    wrapped.temporary(slot, shape, dtype)
  }

  package var peakMemoryBytes: Int? { wrapped.peakMemoryBytes }
  package func resetPeakMemory() { wrapped.resetPeakMemory() }

  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    try wrapped.makeLinear(weight: weight, bias: bias, inputs: inputs, outputs: outputs)
  }

  package func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
    _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters {
    try wrapped.makeConvolution(weight: weight, bias: bias, extent)
  }

  // MARK: Copies

  package func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor) {
    wrapped.upload(values, to: tensor)
  }

  package var normalizesPixels: Bool { wrapped.normalizesPixels }

  package func upload(
    _ pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    to images: Tensor
  ) { wrapped.upload(pixels, normalizedBy: table, to: images) }

  package func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor) {
    wrapped.upload(values, to: tensor)
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>) {
    wrapped.download(tensor, to: values)
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>) {
    wrapped.download(tensor, to: values)
  }

  package func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor) {
    wrapped.stageImageKeys(keys, in: storage)
  }
}
