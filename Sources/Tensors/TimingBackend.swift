import Records

/// Another backend, with the time, arithmetic and traffic of each of its operations added up by
/// kind.
///
/// Each operation is waited for, so on a device that queues work a pass takes longer than without
/// it. Nothing of the other backend changes, and a pass that is not decorated pays nothing.
package final class TimingBackend: ObservedOps {
  /// What the operations of one kind came to.
  package struct Total: Hashable, Sendable {
    package var calls = 0
    package var time = Duration.zero
    package var cost = OperationCost.zero
  }

  /// Since the beginning or the last `reset()`.
  package private(set) var totals: [OperationKind: Total] = [:]

  package var base: (any Backend)? { timed }
  private let timed: any Backend
  private let now: () -> Duration

  /// - Parameter now: Time since any fixed moment.
  package init(_ base: any Backend, now: @escaping () -> Duration) {
    timed = base
    self.now = now
  }

  /// Forgets all totals.
  package func reset() { totals.removeAll(keepingCapacity: true) }

  package func observe(_ operation: PassOperation, _ body: (any Backend) -> Void) {
    time(operation.kind, operation.cost) { body(timed) }
  }

  private func time(_ kind: OperationKind, _ cost: OperationCost, _ operation: () -> Void) {
    let start = now()
    operation()
    timed.synchronize()
    let end = now()
    totals[kind, default: Total()].calls += 1
    totals[kind, default: Total()].time += end - start
    totals[kind, default: Total()].cost = (totals[kind]?.cost ?? .zero) + cost
  }

  // MARK: Device

  package var name: String { timed.name }
  package var hardware: String { timed.hardware }
  package var threads: Int { timed.threads }
  package var libraryDescription: String { timed.libraryDescription }
  package var precision: Precision { timed.precision }
  package var activationType: DType { timed.activationType }
  package var engine: String? { timed.engine }
  package var driver: String? { timed.driver }
  package var peakMemoryBytes: Int? { timed.peakMemoryBytes }

  package func computing(at precision: Precision) throws -> any Backend {
    TimingBackend(try timed.computing(at: precision), now: now)
  }

  package func using(engine: String) throws -> any Backend {
    TimingBackend(try timed.using(engine: engine), now: now)
  }

  package func check() throws { try timed.check() }

  package func fail(_ error: any Error) { timed.fail(error) }

  package func state() -> GPUState? { timed.state() }

  package func withArena<Result>(
    bytes: Int?, _ body: () throws -> Result
  ) throws -> Result { try timed.withArena(bytes: bytes, body) }

  package func resetPeakMemory() { timed.resetPeakMemory() }

  package func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor) {
    timed.stageImageKeys(keys, in: storage)
  }

  package func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    try timed.allocate(shape, dtype)
  }

  package func temporary(_ slot: TemporarySlot, _ shape: Shape, _ dtype: DType) -> Tensor {
    timed.temporary(slot, shape, dtype)
  }

  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    try timed.makeLinear(weight: weight, bias: bias, inputs: inputs, outputs: outputs)
  }

  package func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
    _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters {
    try timed.makeConvolution(weight: weight, bias: bias, extent)
  }

  package func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor) {
    time(.upload, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      timed.upload(values, to: tensor)
    }
  }

  package var normalizesPixels: Bool { timed.normalizesPixels }

  package func upload(
    _ pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    to images: Tensor
  ) {
    time(.upload, OperationCost(flops: 0, bytes: 5 * pixels.count)) {
      timed.upload(pixels, normalizedBy: table, to: images)
    }
  }

  package func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor) {
    time(.upload, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      timed.upload(values, to: tensor)
    }
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>) {
    time(.download, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      timed.download(tensor, to: values)
    }
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>) {
    time(.download, OperationCost(flops: 0, bytes: 2 * 4 * values.count)) {
      timed.download(tensor, to: values)
    }
  }

  package func reserve(_ operations: [PassOperation]) throws(TensorsError) {
    try timed.reserve(operations)
  }

  package func supports(_ kind: OperationKind) -> Bool { timed.supports(kind) }

  package func synchronize() { timed.synchronize() }
}
