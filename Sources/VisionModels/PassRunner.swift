import Foundation
import Tensors
import TokenReduction

/// Runs one pass of a model, from images to logits, captured if the device supports it.
///
/// It is independent of the model. It must not be used from two threads at once.
package final class PassRunner {
  package let model: any VisionModel
  package let composition: Composition
  package let batchSize: Int
  /// Where the caller writes its normalized images, NCHW float32, before `run`.
  package let input: UnsafeMutableBufferPointer<Float>
  /// Every operation of the pass by its shapes.
  package let operations: [PassOperation]
  /// Called after each reduction of a pass; `nil` in timed passes.
  package var onReduction: ((ReductionEvent) -> Void)?
  /// Called with the residual stream before block 0 (`-1`) and after each block; `nil` in timed
  /// passes.
  package var onBlock: ((_ block: Int, _ stream: Tensor) -> Void)?

  private let pass: any ModelPass
  private let hostLogits: UnsafeMutableBufferPointer<Float>
  private let defaultKeys: UnsafeMutableBufferPointer<UInt64>
  private let images: Tensor
  private let logitsTensor: Tensor
  private let imageKeys: Tensor
  private var capture: Capture = .none

  /// Whether the device has captured the pass.
  private enum Capture {
    case none
    case done(any CapturedPass)
    /// The device does not capture, or could not; the backend has the reason.
    case impossible
  }

  /// Allocates everything that a pass needs.
  ///
  /// - Throws: `TensorsError.outOfMemory`, or `.operationsUnavailable` if the device does not
  ///   implement an operation of the model.
  package init(model: any VisionModel, composition: Composition, batchSize: Int) throws {
    precondition(composition.geometry == model.info.tokens, "a method of another model")
    let backend = model.backend
    self.model = model
    self.composition = composition
    self.batchSize = batchSize
    operations = try DryRun(model, composition, batchSize: batchSize).operations
    let missing = Set(operations.map(\.kind).filter { !backend.supports($0) })
    guard missing.isEmpty else {
      throw TensorsError.operationsUnavailable(
        operations: missing.map(\.rawValue).sorted(), device: backend.name)
    }
    try Self.checkMemory(operations, model.info, batchSize: batchSize, backend)
    try model.prepare(composition)
    let (operations, side) = (operations, model.info.imageSize)
    let memory = try backend.withArena(bytes: nil) {
      let memory = (
        images: try backend.allocate(Shape(batchSize, 3, side, side), .float32),
        logits: try backend.allocate(Shape(batchSize, model.info.classes), .float32),
        imageKeys: try backend.allocate(Shape(batchSize), .int64),
        pass: try model.makePass(composition, batchSize: batchSize, on: backend)
      )
      try backend.reserve(operations)
      return memory
    }
    (images, logitsTensor, imageKeys, pass) = memory
    input = .allocate(capacity: images.shape.count)
    input.initialize(repeating: 0)
    hostLogits = .allocate(capacity: logitsTensor.shape.count)
    hostLogits.initialize(repeating: 0)
    defaultKeys = .allocate(capacity: batchSize)
    for index in 0..<batchSize { defaultKeys.initializeElement(at: index, to: UInt64(index)) }
  }

  /// Throws if a CPU has less memory than the minimum that a pass needs: Linux would allocate it
  /// anyway, and kill the program later.
  private static func checkMemory(
    _ operations: [PassOperation], _ info: ModelInfo, batchSize: Int, _ backend: any Backend
  ) throws(TensorsError) {
    guard backend.threads > 0 else { return }
    // The images on the host and on the device, and the largest operation's inputs and outputs.
    let images = 2 * 3 * 4 * Double(batchSize) * Double(info.imageSize * info.imageSize)
    let largest = operations.map { Double($0.bytesRead) + Double($0.bytesWritten) }.max() ?? 0
    let bytes = images + largest
    guard bytes <= Double(ProcessInfo.processInfo.physicalMemory) else {
      throw .outOfMemory(bytes: Int(bytes), device: backend.name)
    }
  }

  deinit {
    input.deallocate()
    hostLogits.deallocate()
    defaultKeys.deallocate()
  }

  /// [batch, classes] of the last `run`.
  package var logits: UnsafeBufferPointer<Float> { UnsafeBufferPointer(hostLogits) }

  /// The classifier's input of the last `run`, [batch, features].
  package func readFeatures() -> [Float] {
    var values = [Float](repeating: 0, count: pass.features.shape.count)
    values.withUnsafeMutableBufferPointer { model.backend.download(pass.features, to: $0) }
    return values
  }

  /// Tokens that leave each block.
  package var tokensAfterBlocks: [Int] { composition.tokensAfterBlocks }

  /// The MACs of one image, counted from the shapes that each layer processes.
  package var macs: Int { DryRun.macs(of: operations) / batchSize }

  /// Bytes that the operations of one image must read and write; a batch shares its weights.
  package var trafficBytes: Int {
    operations.reduce(0) { $0 + $1.bytesRead + $1.bytesWritten } / batchSize
  }

  /// Classifies the images in `input`; on return `logits` holds the result.
  ///
  /// `imageKeys` (one per image of the batch) seed random scores, so that a result does not depend
  /// on the batch; `nil` uses the position in the batch.
  package func run(imageKeys: UnsafePointer<UInt64>? = nil) {
    run(imageKeys: imageKeys) { upload(imageKeys: imageKeys) }
  }

  /// Classifies 8-bit images [count, side, side, 3], which the device normalizes.
  ///
  /// - Parameter table: [3, 256], the normalized value of each pixel value, by channel.
  package func run(
    pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    imageKeys: UnsafePointer<UInt64>? = nil
  ) {
    run(imageKeys: imageKeys) {
      model.backend.upload(pixels, normalizedBy: table, to: images)
      stage(imageKeys)
    }
  }

  private func run(imageKeys: UnsafePointer<UInt64>?, uploading: () -> Void) {
    // Capturing uploads its own images and keys, so ours must come after it.
    let captured = captured
    uploading()
    if let captured { captured.replay() } else { compute(imageKeys: keys(imageKeys)) }
    model.backend.download(logitsTensor, to: hostLogits)
    model.backend.synchronize()
  }

  /// Whether a pass can begin after its first blocks: on a CPU, whose passes are not graphs.
  package var resumes: Bool { pass.resumesBehindBlocks && !model.backend.capturesPasses }

  /// As `run`, for images whose first blocks were computed before.
  ///
  /// `input` is not read. The stream must contain the same number of images, after blocks that this
  /// pass would compute identically (`Composition.unreducedBlocks`).
  package func run(imageKeys: UnsafePointer<UInt64>?, resuming stream: ResumedStream) {
    precondition(resumes && stream.blocks <= composition.unreducedBlocks)
    model.backend.stageImageKeys(
      UnsafeBufferPointer(start: keys(imageKeys), count: batchSize), in: self.imageKeys)
    compute(imageKeys: keys(imageKeys), resuming: stream)
    model.backend.download(logitsTensor, to: hostLogits)
    model.backend.synchronize()
  }

  /// Uploads the images in `input` to the device, for passes that are timed without the upload.
  package func upload(imageKeys: UnsafePointer<UInt64>? = nil) {
    model.backend.upload(UnsafeBufferPointer(input), to: images)
    stage(imageKeys)
  }

  private func stage(_ imageKeys: UnsafePointer<UInt64>?) {
    model.backend.stageImageKeys(
      UnsafeBufferPointer(start: keys(imageKeys), count: batchSize), in: self.imageKeys)
  }

  /// The captured pass, for replaying on the uploaded images.
  ///
  /// `nil` if the device does not capture, or a callback observes the pass.
  package var captured: (any CapturedPass)? {
    // Steps on the host cannot be part of a graph.
    guard onReduction == nil, onBlock == nil, model.backend.capturesPasses,
      !operations.contains(where: { $0.kind == .hostReduction })
    else { return nil }
    switch capture {
    case .done(let pass): return pass
    case .impossible: return nil
    case .none: break
    }
    // Once without capturing, because a device must not run its trials of operations while it
    // captures.
    upload()
    let keys = keys(nil)
    compute(imageKeys: keys)
    do {
      guard let pass = try model.backend.capture({ compute(imageKeys: keys) }) else {
        capture = .impossible
        return nil
      }
      capture = .done(pass)
      return pass
    } catch {
      model.backend.fail(error)
      capture = .impossible
      return nil
    }
  }

  private func keys(_ given: UnsafePointer<UInt64>?) -> UnsafePointer<UInt64> {
    // The buffer has a base address, since it is not empty.
    given ?? UnsafePointer(defaultKeys.baseAddress.unsafelyUnwrapped)
  }

  private func compute(
    imageKeys: UnsafePointer<UInt64>, resuming stream: ResumedStream? = nil
  ) {
    var context = PassContext(imageKeys: imageKeys)
    context.resumed = stream
    context.onReduction = onReduction
    context.onBlock = onBlock
    pass.compute(images, into: logitsTensor, context)
  }
}
