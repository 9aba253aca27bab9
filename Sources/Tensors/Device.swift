import Records

/// What computes: its identity, its memory, and how it repeats a pass.
///
/// Operations are protocols on top of it: `TensorOps`, `TransformerOps`, `ReductionOps`; `Backend`
/// is all of them. Operations are queued in call order; results are visible to the host after
/// `synchronize()`.
package protocol Device: AnyObject {
  /// As a spec spells the device: `cpu`.
  var name: String { get }
  /// The processor's or the card's name.
  var hardware: String { get }
  /// Worker threads of a CPU, 0 on a GPU.
  var threads: Int { get }
  /// Matrix library, version and kernels chosen.
  var libraryDescription: String { get }
  /// The graphics driver, where there is one.
  var driver: String? { get }
  /// Of weights and activations.
  var precision: Precision { get }
  /// What the stream, fused rows, features and weights are held as.
  var activationType: DType { get }
  /// The same device at another precision.
  ///
  /// - Throws: `TensorsError.precisionUnavailable`.
  func computing(at precision: Precision) throws -> any Backend
  /// What multiplies matrices, where the device has a choice and it is not the first; else `nil`.
  var engine: String? { get }
  /// The same device with another engine for its products.
  ///
  /// - Parameter engine: One of the engines of its kind, or `DeviceKind.automaticEngine`.
  /// - Throws: `TensorsError.engineUnavailable`, and what is wrong with a library.
  func using(engine: String) throws -> any Backend

  /// Throws what has gone wrong on the device since it was last asked.
  ///
  /// Operations do not throw: after a failure they do nothing, and a result that was not checked
  /// means nothing.
  func check() throws
  /// Keeps an error for `check()`, of a caller that cannot throw it.
  func fail(_ error: any Error)
  /// Clocks and temperature, where the device reports them.
  func state() -> GPUState?

  /// Uninitialized memory of the device; never called inside a timed pass.
  func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor
  /// Allocates what `body` does from one piece of memory, which is freed with the last tensor in
  /// it.
  ///
  /// `bytes` is an upper bound; with `nil` the device may run `body` twice, first to add up what it
  /// needs, with tensors that have no memory yet.
  func withArena<Result>(bytes: Int?, _ body: () throws -> Result) throws -> Result
  /// Grows the device's scratch memory to what these operations need, as a dry run on
  /// `CountingDevice` logged them.
  func reserve(_ operations: [PassOperation]) throws(TensorsError)
  /// Memory that lasts until the next operation that uses the same slot, for operations composed of
  /// others.
  ///
  /// It grows in a pass that needs more than any before; later passes allocate nothing. A failure
  /// is kept for `check()`.
  func temporary(_ slot: TemporarySlot, _ shape: Shape, _ dtype: DType) -> Tensor
  /// The most memory of the device in use since `resetPeakMemory`; `nil` where it is the process's
  /// own.
  var peakMemoryBytes: Int? { get }
  func resetPeakMemory()

  /// Copies host values into the start of a tensor.
  func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor)
  /// Whether the device normalizes 8-bit pixels itself, so that a quarter of the bytes is copied.
  var normalizesPixels: Bool { get }
  /// Copies pictures of 8-bit pixels, [count, S, S, 3], into images [B, 3, S, S].
  ///
  /// - Parameter table: [3, 256], what each value of each channel becomes.
  func upload(
    _ pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    to images: Tensor)
  /// Copies host indices into the start of a tensor.
  func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor)
  /// Copies the first values of a tensor to the host, after all queued work.
  func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>)
  /// Copies the first indices of a tensor to the host, after all queued work.
  func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>)
  /// Copies the keys that the next `randomScores` reads to the device, outside of a captured pass.
  ///
  /// - Parameter storage: Int64, one for each image, for as long as a captured pass lives.
  func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor)
  /// Waits until all queued work is done.
  func synchronize()

  /// Whether `capture` gives anything.
  var capturesPasses: Bool { get }
  /// Captures the operations that `body` enqueues as a replayable graph; they are not carried out.
  func capture(_ body: () -> Void) throws -> (any CapturedPass)?
  /// Whether a captured pass can be timed with an emptied cache.
  var hasFlushableCache: Bool { get }
  /// Whether nothing is computed, so that what the host would read means nothing.
  var isDryRun: Bool { get }
  /// Whether the device has an implementation of an operation.
  ///
  /// Asked when a pass is made, of every operation of its dry run.
  func supports(_ kind: OperationKind) -> Bool
}

/// A forward pass that a device has captured and repeats without receiving its operations again.
package protocol CapturedPass: AnyObject {
  /// Queues the pass.
  func replay()
  /// Queues the pass between two marks of the device's own clock.
  func replayTimed()
  /// Fills the device's cache with something else, and waits for that.
  func emptyCache()
  /// Between the marks of the last `replayTimed`, after all queued work; `nil` where the device
  /// failed.
  func deviceTime() -> Duration?
  /// The time of one of `replays` passes, queued back to back between two marks, so that the host's
  /// starting of each is hidden; `nil` where the device failed.
  func deviceTime(replays: Int) -> Duration?
  /// How its operations are spread over the device; empty where that is not known.
  var kernels: [KernelLaunch] { get }
}

extension CapturedPass {
  package var kernels: [KernelLaunch] { [] }
}

/// Which intermediate of a composed operation a temporary holds; two that live at once have
/// different slots.
package enum TemporarySlot: Int, CaseIterable, Sendable {
  case normalized, hidden, unfolded, attentionMap, attended, scores, product
}

/// The defaults are those of a processor.
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
