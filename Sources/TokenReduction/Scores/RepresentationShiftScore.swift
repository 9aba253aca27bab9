import CKernels
import Records

/// The norm of what the MLP branch adds to a token: `‖MLP(LN(x))‖₂`.
///
/// Differs: the text also prints `‖MLP(LN(x)) − x‖₂`, the difference to the branch's input, which
/// `"shift": "difference"` takes. Source: Choi et al., "Representation Shift", ICCV 2025.
package struct RepresentationShiftScore: TokenScore {
  package static let name = "representation_shift"
  package static let summary = "the length of what the MLP adds to a token"
  package static let parameters = [
    MethodParameter(
      "shift", .choice(["branch", "difference"]), default: .string("branch"),
      "the norm of what the MLP adds, or of its difference from the token before")
  ]

  package let isDifference: Bool

  package init(isDifference: Bool = false) { self.isDifference = isDifference }

  package init(_ values: ParameterValues) { isDifference = values.string("shift") == "difference" }

  package var inputs: ReductionInputs { ReductionInputs(branch: true) }
  package var positions: [ReductionStep.Position] { [.afterBlock] }

  package func writeScores(_ image: ImageStep) {
    guard let before = image.beforeBranch else { return }
    image.share(ShiftWork(image: image, before: before, factor: isDifference ? 2 : 1)) {
      ShiftWork.enter($0, $1)
    }
  }
}

/// Norms of the tokens minus a multiple of the tokens before the branch.
private struct ShiftWork: ImageWork {
  let image: ImageStep
  let before: UnsafePointer<Float>
  let factor: Float

  var items: Int { image.tokensIn }
  var grain: Int { 64 }

  func run(_ tokens: Range<Int>) {
    let first = tokens.lowerBound
    lab_difference_norms(
      image.token(first), before + first * image.width, factor, tokens.count, image.width,
      image.scores + first)
  }
}
