import Tensors
import TokenReduction

/// A model with its weights on a device, which any number of passes share.
package protocol VisionModel: AnyObject {
  var info: ModelInfo { get }
  var backend: any Backend { get }
  /// One pass over `batchSize` images: its tensors are allocated on `device`, and the weights are
  /// the model's.
  ///
  /// `device` is the model's own, or one that counts: a dry run over the same weights.
  func makePass(
    _ composition: Composition, batchSize: Int, on device: any Backend
  ) throws -> any ModelPass
}

/// The operations of a model in their order, with everything allocated that they need.
package protocol ModelPass: AnyObject {
  /// The classifier's input, [B, features].
  var features: Tensor { get }
  /// Whether a pass can begin behind some of its blocks, with their stream.
  var resumesBehindBlocks: Bool { get }
  /// Queues the operations from images [B, 3, S, S] to logits [B, classes]; allocates nothing.
  func compute(_ images: Tensor, into logits: Tensor, _ context: PassContext)
}

extension ModelPass {
  package var resumesBehindBlocks: Bool { false }
}

/// The stream behind the first blocks of a pass, [B, N, C], where nothing is reduced so far.
package struct ResumedStream {
  package let blocks: Int
  package let values: UnsafeBufferPointer<Float>

  package init(blocks: Int, values: UnsafeBufferPointer<Float>) {
    self.blocks = blocks
    self.values = values
  }
}

/// What one run of a pass brings along.
package struct PassContext {
  /// One key for each image, the seed of random scores.
  package let imageKeys: UnsafePointer<UInt64>
  /// Called after each reduction with what it did.
  package var onReduction: ((ReductionEvent) -> Void)?
  /// Called with the stream before block 0 (`-1`) and after each block.
  package var onBlock: ((_ block: Int, _ stream: Tensor) -> Void)?
  /// What the pass begins with in place of the images.
  package var resumed: ResumedStream?

  package init(imageKeys: UnsafePointer<UInt64>) { self.imageKeys = imageKeys }
}

/// What one reduction did, for tests, pictures and audits; the tensors are valid inside the
/// callback only.
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
