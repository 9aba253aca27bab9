import Tensors

/// How important each patch token is; the first of a method's three choices.
///
/// A new score is one file in `Scores` and one line in `TokenScores.all`. Its arithmetic is
/// `writeScores`, on the host; where that is too slow, a kernel of the devices overrides it.
package protocol TokenScore: Hashable, Sendable {
  /// The name under `compose`.
  static var name: String { get }
  static var summary: String { get }
  /// Its own keys in a spec.
  static var parameters: [MethodParameter] { get }
  init(_ values: ParameterValues) throws(ParameterProblem)

  var inputs: ReductionInputs { get }
  /// Where in a block it can be computed; the first is where it is unless a method says otherwise.
  var positions: [ReductionStep.Position] { get }
  /// Tensors that it brings besides the model's, read in `image.constants` in this order.
  func tensors(_ extent: StepExtent) -> [MethodTensor]
  /// What stands in `image.constants` in their place: by default themselves.
  func prepared(_ tensors: [Float], _ extent: StepExtent) -> [Float]
  /// Floats of scratch memory for an image.
  func scratchFloats(_ extent: StepExtent) -> Int
  /// Writes a score for each patch token into `image.scores`; higher is kept.
  func writeScores(_ image: ImageStep)
  /// Whether it reads what the class token attends to, so that a model without one has no score.
  var readsClassToken: Bool { get }
  /// Whether an image's score depends on the others of its batch.
  var dependsOnBatch: Bool { get }
  /// The devices' kernel of the same score.
  var kernel: ScoreKernel? { get }
}

extension TokenScore {
  package static var parameters: [MethodParameter] { [] }
  package var positions: [ReductionStep.Position] { [.insideBlock] }
  package func tensors(_ extent: StepExtent) -> [MethodTensor] { [] }
  package func prepared(_ tensors: [Float], _ extent: StepExtent) -> [Float] { tensors }
  package func scratchFloats(_ extent: StepExtent) -> Int { 0 }
  package var readsClassToken: Bool { inputs.classAttention }
  package var dependsOnBatch: Bool { false }
  package var kernel: ScoreKernel? { nil }
}

/// The scores that devices have kernels for.
package enum ScoreKernel: Hashable, Sendable {
  case random(seed: UInt64)
  case classAttention
  case tailEffect(TailEffectScore)
}

/// Every score that `compose` can name.
package enum TokenScores {
  package static let all: [any TokenScore.Type] = [
    RandomScore.self, ClassAttentionScore.self, TailEffectScore.self, ClassValueScore.self,
    ClassHeadValueScore.self, PageRankScore.self, RepresentationShiftScore.self,
    PredictorScore.self, DiagonalColumnScore.self,
  ]
}
