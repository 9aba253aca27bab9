import Tensors
import TokenReduction

/// One model with one method at one batch size, everything allocated: `run` allocates nothing.
///
/// Not to be used from two threads at once.
package final class ForwardPass {
  package let model: VisionTransformer
  package let composition: Composition
  package let batchSize: Int
  /// Where the caller writes its normalised images, NCHW float32, before `run`.
  package let input: UnsafeMutableBufferPointer<Float>
  /// Called after each reduction of a pass with what it did; `nil` in timed passes.
  package var onReduction: ((ReductionEvent) -> Void)?
  /// Called with the stream before block 0 (`-1`) and after each block; `nil` in timed passes.
  package var onBlock: ((_ block: Int, _ stream: Tensor) -> Void)?

  private let hostLogits: UnsafeMutableBufferPointer<Float>
  private let defaultKeys: UnsafeMutableBufferPointer<UInt64>
  private let images: Tensor
  private var reducer: Reducer
  private let qkv: Tensor
  private let attended: Tensor
  private let features: Tensor
  private let logitsTensor: Tensor
  private let imageKeys: Tensor
  private var recording: Recording = .none

  /// Whether the device has taken the pass down for replaying.
  private enum Recording {
    case none
    case done(any RecordedPass)
    /// The device does not, or could not; the reason is with the backend.
    case impossible
  }

  /// Allocates everything that a pass needs.
  ///
  /// Errors: `TensorsError.outOfMemory`.
  package init(model: VisionTransformer, composition: Composition, batchSize: Int) throws {
    precondition(composition.geometry == model.architecture.geometry, "a method of another model")
    let backend = model.backend
    self.model = model
    self.composition = composition
    self.batchSize = batchSize
    let memory = try backend.withArena(bytes: nil) {
      try Memory(model: model, composition: composition, batchSize: batchSize)
    }
    images = memory.images
    qkv = memory.qkv
    attended = memory.attended
    features = memory.features
    logitsTensor = memory.logits
    imageKeys = memory.imageKeys
    reducer = memory.reducer
    input = .allocate(capacity: images.shape.count)
    input.initialize(repeating: 0)
    hostLogits = .allocate(capacity: logitsTensor.shape.count)
    hostLogits.initialize(repeating: 0)
    defaultKeys = .allocate(capacity: batchSize)
    for index in 0..<batchSize { defaultKeys.initializeElement(at: index, to: UInt64(index)) }
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
    var values = [Float](repeating: 0, count: features.shape.count)
    values.withUnsafeMutableBufferPointer { model.backend.download(features, to: $0) }
    return values
  }

  /// Tokens that leave each block.
  package var tokensAfterBlocks: [Int] { composition.tokensAfterBlocks }

  /// Classifies the images in `input`; on return `logits` holds the result.
  ///
  /// `imageKeys` (batch many) seed random scores per image, so that a result does not depend on the batch; `nil` takes the
  /// position in the batch.
  package func run(imageKeys: UnsafePointer<UInt64>? = nil) {
    // Taking a pass down brings keys of its own, so that ours come after it.
    let recorded = recorded
    upload(imageKeys: imageKeys)
    if let recorded { recorded.replay() } else { compute(imageKeys: imageKeys) }
    model.backend.download(logitsTensor, to: hostLogits)
    model.backend.synchronize()
  }

  /// Brings the images in `input` to the device, for passes that are timed without it.
  package func upload(imageKeys: UnsafePointer<UInt64>? = nil) {
    let backend = model.backend
    backend.upload(UnsafeBufferPointer(input), to: images)
    backend.stageImageKeys(
      UnsafeBufferPointer(start: keys(imageKeys), count: batchSize), in: self.imageKeys)
  }

  /// The pass as the device has taken it down, for replaying on what `upload` brought.
  ///
  /// `nil` where the device takes nothing down, or a callback wants to see what happens inside.
  package var recorded: (any RecordedPass)? {
    guard onReduction == nil, onBlock == nil, model.backend.recordsPasses else { return nil }
    switch recording {
    case .done(let pass): return pass
    case .impossible: return nil
    case .none: break
    }
    // Once as it is, since what a device finds out about an operation must not happen while it takes it down.
    upload()
    let keys = keys(nil)
    compute(imageKeys: keys)
    do {
      guard let pass = try model.backend.record({ compute(imageKeys: keys) }) else {
        recording = .impossible
        return nil
      }
      recording = .done(pass)
      return pass
    } catch {
      model.backend.fail(error)
      recording = .impossible
      return nil
    }
  }

  private func keys(_ given: UnsafePointer<UInt64>?) -> UnsafePointer<UInt64>? {
    given ?? UnsafePointer(defaultKeys.baseAddress)
  }

  private func compute(imageKeys: UnsafePointer<UInt64>?) {
    let backend = model.backend
    let a = model.architecture
    let keys = keys(imageKeys)
    var stream = reducer.begin(tokens: a.tokens)
    backend.embedPatches(images, model.embedding, into: stream)
    onBlock?(-1, stream)
    for index in 0..<a.depth {
      let block = model.blocks[index]
      if let step = composition.step(block: index, position: .beforeBlock) {
        stream = reducer.reduce(stream, step, qkv: nil, imageKeys: keys, report: onReduction)
      }
      let tokens = stream.shape[1]
      let projected = qkv.view(Shape(batchSize, tokens, 3 * a.embedDim))
      let mixed = attended.view(Shape(batchSize, tokens, a.embedDim))
      let step = composition.step(block: index, position: .insideBlock)
      backend.project(stream, norm: block.norm1, block.qkv, into: projected)
      backend.attend(
        projected, heads: a.numHeads, tokenSize: reducer.attentionSizes(tokens: tokens),
        statistics: step.flatMap { reducer.statistics(for: $0) }, into: mixed)
      backend.projectResidual(mixed, block.projection, onto: stream)
      if let step {
        stream = reducer.reduce(stream, step, qkv: projected, imageKeys: keys, report: onReduction)
      }
      backend.feedForward(stream, block.feedForward)
      onBlock?(index, stream)
    }
    backend.readOut(stream, norm: model.norm, model.readOut, into: features)
    backend.project(features, norm: nil, model.head, into: logitsTensor)
  }
}

/// The tensors of a pass, from one piece of the device's memory.
private struct Memory {
  let images: Tensor
  let qkv: Tensor
  let attended: Tensor
  let features: Tensor
  let logits: Tensor
  let imageKeys: Tensor
  let reducer: Reducer

  init(model: VisionTransformer, composition: Composition, batchSize: Int) throws {
    let (a, backend) = (model.architecture, model.backend)
    let type = backend.activationType
    images = try backend.allocate(Shape(batchSize, 3, a.imageSize, a.imageSize), .float32)
    qkv = try backend.allocate(Shape(batchSize, a.tokens, 3 * a.embedDim), type)
    attended = try backend.allocate(Shape(batchSize, a.tokens, a.embedDim), type)
    features = try backend.allocate(Shape(batchSize, a.featureDim), type)
    logits = try backend.allocate(Shape(batchSize, a.numClasses), .float32)
    imageKeys = try backend.allocate(Shape(batchSize), .int64)
    reducer = try Reducer(
      composition: composition, architecture: a, batchSize: batchSize, backend: backend)
    try backend.reserve(
      ScratchLimits(
        embedDim: a.embedDim, hiddenDim: a.fc1Width, patchValues: 3 * a.patchSize * a.patchSize,
        tokens: a.tokens, heads: a.numHeads, batchSize: batchSize))
  }
}

/// What one reduction did, for tests, pictures and audits; the tensors are valid inside the callback only.
package struct ReductionEvent {
  package let step: ReductionStep
  /// [B, N, C] before and [B, N', C] after.
  package let before: Tensor
  package let after: Tensor
  package let assignment: TokenAssignment
  /// [B, N], where the method has a score per token.
  package let scores: Tensor?
  /// ToMe's best similarity of each even token, [B, (N + 1) / 2].
  package let nodeMaximum: Tensor?
  /// Patches behind each token after the step, [B, N'], where tokens are merged.
  package let sizes: Tensor?
}
