import Records

/// A computing device: its identity, its memory, and how it captures and replays a pass.
///
/// The operations are protocols that refine it: `TensorOps`, `TransformerOps`, `ReductionOps`;
/// `Backend` is all of them. Operations are enqueued in call order; results are visible to the host
/// after `synchronize()`.
package protocol Device: AnyObject {
  /// The device's name in a spec: `cpu`.
  var name: String { get }
  /// The name of the CPU or GPU.
  var hardware: String { get }
  /// Worker threads of a CPU, 0 on a GPU.
  var threads: Int { get }
  /// The GEMM library, its version and the kernels that it chose.
  var libraryDescription: String { get }
  /// The version of the GPU driver, if there is one.
  var driver: String? { get }
  /// The precision of weights and activations.
  var precision: Precision { get }
  /// The type in which the residual stream, fused rows, features and weights are stored.
  var activationType: DType { get }
  /// The same device at another precision.
  ///
  /// - Throws: `TensorsError.precisionUnavailable`.
  func computing(at precision: Precision) throws -> any Backend
  /// The GEMM engine, if the device has a choice and it is not the first one; otherwise `nil`.
  var engine: String? { get }
  /// The same device with another GEMM engine.
  ///
  /// - Parameter engine: One of the engines of its kind, or `DeviceKind.automaticEngine`.
  /// - Throws: `TensorsError.engineUnavailable`, and errors of a library.
  func using(engine: String) throws -> any Backend

  /// Throws the first error on the device since the last call.
  ///
  /// Operations do not throw. After a failure they do nothing, so results are valid only after a
  /// successful check.
  func check() throws
  /// Stores an error for `check()`, for callers that cannot throw it.
  func fail(_ error: any Error)
  /// Clocks and temperature, if the device reports them.
  func state() -> GPUState?

  /// Uninitialized memory of the device; never called inside a timed pass.
  func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor
  /// Serves the allocations of `body` from one block of memory, which is freed with the last tensor
  /// in it.
  ///
  /// `bytes` is an upper bound. With `nil`, the device may run `body` twice, the first time only to
  /// sum up the sizes, with tensors that have no memory yet, so that `body` must upload nothing.
  func withArena<Result>(bytes: Int?, _ body: () throws -> Result) throws -> Result
  /// Grows the device's scratch memory to what these operations need; they come from a dry run on
  /// `CountingDevice`.
  func reserve(_ operations: [PassOperation]) throws(TensorsError)
  /// Temporary memory for composed operations, valid until the next operation that uses the same
  /// slot.
  ///
  /// It grows in the first pass that needs more than the passes before; later passes allocate
  /// nothing. An error is stored for `check()`.
  func temporary(_ slot: TemporarySlot, _ shape: Shape, _ dtype: DType) -> Tensor
  /// The peak device memory in bytes since `resetPeakMemory`; `nil` if device memory is the
  /// process's memory.
  var peakMemoryBytes: Int? { get }
  func resetPeakMemory()

  /// Copies host values into the start of a tensor.
  func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor)
  /// Whether the device normalizes 8-bit pixels itself, so that only a quarter of the bytes is
  /// copied.
  var normalizesPixels: Bool { get }
  /// Copies and normalizes 8-bit images [count, S, S, 3] into [B, 3, S, S].
  ///
  /// - Parameter table: [3, 256], the normalized value of each pixel value, by channel.
  func upload(
    _ pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    to images: Tensor)
  /// Copies host indices into the start of a tensor.
  func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor)
  /// Copies the first values of a tensor to the host, after all enqueued work.
  func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>)
  /// Copies the first indices of a tensor to the host, after all enqueued work.
  func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>)
  /// Copies the image keys for the next `randomScores` to the device, outside a captured pass.
  ///
  /// - Parameter storage: Int64, one per image; it must live as long as a captured pass that reads
  ///   it.
  func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor)
  /// Waits until all enqueued work is done.
  func synchronize()

  /// Whether the device can capture passes.
  var capturesPasses: Bool { get }
  /// Captures the operations that `body` enqueues as a replayable graph, without executing them.
  func capture(_ body: () -> Void) throws -> (any CapturedPass)?
  /// Whether a captured pass can be timed with a flushed cache.
  var hasFlushableCache: Bool { get }
  /// Whether the device computes nothing (a dry run), so that results have no meaning.
  var isDryRun: Bool { get }
  /// Whether the device has an implementation of an operation.
  ///
  /// Called when a pass is created, for every operation of its dry run.
  func supports(_ kind: OperationKind) -> Bool
}

/// A captured forward pass, which a device replays without receiving its operations again.
package protocol CapturedPass: AnyObject {
  /// Enqueues the pass.
  func replay()
  /// Enqueues the pass between two events of the device's own clock.
  func replayTimed()
  /// Overwrites the device's cache, and waits for completion.
  func emptyCache()
  /// The time between the events of the last `replayTimed`, after all enqueued work; `nil` if the
  /// device failed.
  func deviceTime() -> Duration?
  /// The time per pass of `replays` passes enqueued back to back between two events, which hides
  /// the launch overhead of the host; `nil` if the device failed.
  func deviceTime(replays: Int) -> Duration?
  /// How its kernels are distributed over the device; empty if that is not known.
  var kernels: [KernelLaunch] { get }
}

extension CapturedPass {
  package var kernels: [KernelLaunch] { [] }
}

/// Identifies an intermediate of a composed operation; two that are alive at the same time have
/// different slots.
package enum TemporarySlot: Int, CaseIterable, Sendable {
  case normalized, hidden, unfolded, attentionMap, attended, scores, product
}

/// The defaults are those of a CPU.
extension Device {
  package var precision: Precision { .float32 }
  package var activationType: DType { .float32 }
  package var engine: String? { nil }
  package var driver: String? { nil }
  package var capturesPasses: Bool { false }
  package var hasFlushableCache: Bool { false }
  package var isDryRun: Bool { false }
  package var peakMemoryBytes: Int? { nil }

  package func withArena<Result>(
    bytes: Int?, _ body: () throws -> Result
  ) throws -> Result { try body() }

  package func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor) {}

  package func capture(_ body: () -> Void) throws -> (any CapturedPass)? { nil }

  package func check() throws {}

  package func fail(_ error: any Error) {}

  package func state() -> GPUState? { nil }

  package func resetPeakMemory() {}

  package var normalizesPixels: Bool { false }

  package func upload(
    _ pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    to images: Tensor
  ) {
    let area = images.shape[2] * images.shape[3]
    let values = (0..<pixels.count).map { index in
      let (image, channel, pixel) = (index / (3 * area), index / area % 3, index % area)
      return table[256 * channel + Int(pixels[(image * area + pixel) * 3 + channel])]
    }
    values.withUnsafeBufferPointer { upload($0, to: images) }
  }

  package func supports(_ kind: OperationKind) -> Bool { true }
}

extension Backend {
  package func using(engine: String) throws -> any Backend {
    guard engine == DeviceKind.automaticEngine else {
      throw TensorsError.engineUnavailable(engine: engine, device: name, has: [])
    }
    return self
  }

  package func computing(at precision: Precision) throws -> any Backend {
    guard precision == self.precision else {
      throw TensorsError.precisionUnavailable(precision, device: name, has: [self.precision])
    }
    return self
  }
}
