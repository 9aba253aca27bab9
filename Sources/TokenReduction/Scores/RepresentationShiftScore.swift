import Records

/// The length of what the MLP branch adds to a token: `‖MLP(LN(x))‖₂`.
///
/// Differs: the text also prints `‖MLP(LN(x)) − x‖₂`, the difference to the branch's input, which
/// `"shift": "difference"` takes. Source: Choi et al., "Representation Shift", ICCV 2025.
package struct RepresentationShiftScore: TokenScore {
  package static let name = "representation_shift"
  package static let summary = "the length of what the MLP adds to a token"
  package static let parameters = [
    MethodParameter(
      "shift", .choice(["branch", "difference"]), default: .string("branch"),
      "the length of what the MLP adds, or of that less what the token was")
  ]

  package let isDifference: Bool

  package init(isDifference: Bool = false) { self.isDifference = isDifference }

  package init(_ values: ParameterValues) { isDifference = values.string("shift") == "difference" }

  package var inputs: ReductionInputs { ReductionInputs(branch: true) }
  package var positions: [ReductionStep.Position] { [.afterBlock] }

  package func writeScores(_ image: ImageStep) {
    guard let before = image.beforeBranch else { return }
    for token in image.prefix..<image.tokensIn {
      let (after, start) = (image.token(token), before + token * image.width)
      var sum: Float = 0
      for c in 0..<image.width {
        let change = after[c] - start[c] - (isDifference ? start[c] : 0)
        sum += change * change
      }
      image.scores[token] = sum.squareRoot()
    }
  }
}
