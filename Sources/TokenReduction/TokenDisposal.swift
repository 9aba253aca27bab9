import Tensors

/// What happens to the patch tokens that are not kept (drop, fuse, merge): the second choice.
///
/// A new disposal is one file in `Disposals` and one line in `TokenDisposals.all`. `reduce`
/// computes it on the host; if that is too slow, device kernels replace it.
package protocol TokenDisposal: Hashable, Sendable {
  /// The name under `compose`.
  static var name: String { get }
  static var summary: String { get }
  /// Its own keys in a spec.
  static var parameters: [MethodParameter] { get }
  init(_ values: ParameterValues) throws(ParameterProblem)

  /// Whether it uses a score; otherwise it chooses the tokens itself.
  var takesScore: Bool { get }
  var inputs: ReductionInputs { get }
  /// The positions in a block where it can act; the first is the default.
  var positions: [ReductionStep.Position] { get }
  /// The number of tokens that it creates in addition to the kept ones.
  var extraTokens: Int { get }
  /// Whether it counts the patches in each token.
  var tracksSizes: Bool { get }
  /// Whether images keep different numbers of tokens, so that the shorter ones are padded with
  /// copies of the class token.
  var padsImages: Bool { get }
  /// The maximum number of `patches` patch tokens that one step can remove.
  func maxRemoved(of patches: Int) -> Int
  /// Tensors that it needs in addition to the model's; they are in `image.constants` after those of
  /// the score.
  func tensors(_ extent: StepExtent) -> [MethodTensor]
  /// Values computed before the first pass, stored after the tensors.
  func constants(_ extent: StepExtent) -> [Float]
  /// The number of floats of additional scratch memory per image.
  func scratchFloats(_ extent: StepExtent) -> Int
  /// The number of floats that an image keeps between steps.
  func stateFloats(_ geometry: TokenGeometry) -> Int
  /// Called with the embedded tokens if there is a state.
  func begin(_ image: ImageStep)
  /// Whether attention uses a map modified by `changeMap`.
  var changesMap: Bool { get }
  /// Modifies `image.map` before it is applied to the values.
  func changeMap(_ image: ImageStep)
  /// Writes the new tokens of one image, their sizes, and their sources.
  func reduce(_ image: ImageStep)
  /// The device kernel that replaces it.
  var kernel: DisposalKernel? { get }
}

extension TokenDisposal {
  package static var parameters: [MethodParameter] { [] }
  package var takesScore: Bool { false }
  package var inputs: ReductionInputs { ReductionInputs() }
  package var positions: [ReductionStep.Position] { [.insideBlock] }
  package var extraTokens: Int { 0 }
  package var tracksSizes: Bool { false }
  package var padsImages: Bool { false }
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
  /// Fuses the other tokens into one additional token.
  case fuse(TokenWeighting)
  /// Merges each other token into the kept token with the most similar key.
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
