import Tensors
import TokenReduction

/// A model with its weights on a device, shared by any number of passes.
package protocol VisionModel: AnyObject {
  var info: ModelInfo { get }
  var backend: any Backend { get }
  /// Makes the layers that passes of a composition need besides those of the model, which all of
  /// them share; called before `makePass`, outside of a pass's memory.
  func prepare(_ composition: Composition) throws
  /// One pass over `batchSize` images: its tensors are allocated on `device`, and the weights are
  /// the model's.
  ///
  /// `device` is the model's own device, or a counting device for a dry run with the same weights.
  func makePass(
    _ composition: Composition, batchSize: Int, on device: any Backend
  ) throws -> any ModelPass
}

extension VisionModel {
  package func prepare(_ composition: Composition) throws {}
}

/// The operations of a model in execution order, with all memory allocated.
package protocol ModelPass: AnyObject {
  /// The classifier's input, [B, features].
  var features: Tensor { get }
  /// Whether a pass can begin after some of its blocks, with their residual stream.
  var resumesBehindBlocks: Bool { get }
  /// Enqueues the operations from images [B, 3, S, S] to logits [B, classes]; allocates nothing.
  func compute(_ images: Tensor, into logits: Tensor, _ context: PassContext)
}

extension ModelPass {
  package var resumesBehindBlocks: Bool { false }
}

/// The residual stream after the first blocks of a pass, [B, N, C], before any reduction.
package struct ResumedStream {
  package let blocks: Int
  package let values: UnsafeBufferPointer<Float>

  package init(blocks: Int, values: UnsafeBufferPointer<Float>) {
    self.blocks = blocks
    self.values = values
  }
}

/// The inputs of one run of a pass, besides the images.
package struct PassContext {
  /// One key per image, the seed of random scores.
  package let imageKeys: UnsafePointer<UInt64>
  /// Called after each reduction.
  package var onReduction: ((ReductionEvent) -> Void)?
  /// Called with the residual stream before block 0 (`-1`) and after each block.
  package var onBlock: ((_ block: Int, _ stream: Tensor) -> Void)?
  /// The residual stream that the pass begins with in place of the images.
  package var resumed: ResumedStream?

  package init(imageKeys: UnsafePointer<UInt64>) { self.imageKeys = imageKeys }
}

/// The result of one reduction, for tests, drawings and checks; the tensors are valid only inside
/// the callback.
package struct ReductionEvent {
  package let step: ReductionStep
  /// [B, N, C] before and [B, N', C] after.
  package let before: Tensor
  package let after: Tensor
  package let assignment: TokenAssignment
  /// [B, N], if the method has a score per token.
  package let scores: Tensor?
  /// ToMe's best similarity of each even token, [B, (N + 1) / 2].
  package let nodeMaximum: Tensor?
  /// The number of patches in each token after the step, [B, N'], if tokens are merged.
  package let sizes: Tensor?
}
