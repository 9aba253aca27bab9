import Tensors

/// What happens to the patch tokens that are not kept; the second choice.
///
/// A new disposal is one file in `Disposals` and one line in `TokenDisposals.all`. Its arithmetic
/// is `reduce`, on the host; where that is too slow, kernels of the devices override it.
package protocol TokenDisposal: Hashable, Sendable {
  /// The name under `compose`.
  static var name: String { get }
  static var summary: String { get }
  /// Its own keys in a spec.
  static var parameters: [MethodParameter] { get }
  init(_ values: ParameterValues) throws(ParameterProblem)

  /// Whether it takes a score; else it chooses by itself, and a score has no meaning.
  var takesScore: Bool { get }
  var inputs: ReductionInputs { get }
  /// Where in a block it can act; the first is where it does unless a method says otherwise.
  var positions: [ReductionStep.Position] { get }
  /// Tokens that it makes besides the kept ones.
  var extraTokens: Int { get }
  /// Whether it counts the patches behind each token.
  var tracksSizes: Bool { get }
  /// The most patch tokens of `patches` that one step can remove.
  func maxRemoved(of patches: Int) -> Int
  /// Tensors that it brings besides the model's, read in `image.constants` after the score's.
  func tensors(_ extent: StepExtent) -> [MethodTensor]
  /// Numbers worked out before the first pass, after the tensors.
  func constants(_ extent: StepExtent) -> [Float]
  /// Floats of scratch memory for an image, besides what every step has.
  func scratchFloats(_ extent: StepExtent) -> Int
  /// Floats that an image keeps from step to step.
  func stateFloats(_ geometry: TokenGeometry) -> Int
  /// Called with the embedded tokens where there is a state.
  func begin(_ image: ImageStep)
  /// Whether attention is computed with a map that `changeMap` has changed.
  var changesMap: Bool { get }
  /// Changes `image.map` before it multiplies the values.
  func changeMap(_ image: ImageStep)
  /// Writes the new tokens of one image, their sizes, and what each is made of.
  func reduce(_ image: ImageStep)
  /// The devices' kernels for the same.
  var kernel: DisposalKernel? { get }
}

extension TokenDisposal {
  package static var parameters: [MethodParameter] { [] }
  package var takesScore: Bool { false }
  package var inputs: ReductionInputs { ReductionInputs() }
  package var positions: [ReductionStep.Position] { [.insideBlock] }
  package var extraTokens: Int { 0 }
  package var tracksSizes: Bool { false }
  package func maxRemoved(of patches: Int) -> Int { patches - 1 }
  package func tensors(_ extent: StepExtent) -> [MethodTensor] { [] }
  package func constants(_ extent: StepExtent) -> [Float] { [] }
  package func scratchFloats(_ extent: StepExtent) -> Int { 0 }
  package func stateFloats(_ geometry: TokenGeometry) -> Int { 0 }
  package func begin(_ image: ImageStep) {}
  package var changesMap: Bool { false }
  package func changeMap(_ image: ImageStep) {}
  package var kernel: DisposalKernel? { nil }
}

/// The disposals that devices have kernels for.
package enum DisposalKernel: Hashable, Sendable {
  case drop
  /// One more token of the others.
  case fuse(TokenWeighting)
  /// Each into the kept token with the most similar key.
  case mergeIntoKept
  /// ToMe's matching of even and odd tokens.
  case mergePairs
}

/// Every disposal that `compose` can name.
package enum TokenDisposals {
  package static let all: [any TokenDisposal.Type] = [
    Drop.self, FuseMean.self, FuseScoreSum.self, MergeIntoKept.self, MergeLeastImportant.self,
    MergePairs.self, JoinMostSimilar.self, Propagate.self, InverseTransformSampling.self,
    PruneOrPool.self,
    DropOrMergePairs.self, MergeByEnergy.self, MergeByCriteria.self, AgglomerativeClusters.self,
    DensityPeaks.self, KMedoidsClusters.self, CosineTransform.self, DropSimilarThenLeast.self,
  ]
}
