import Records

/// Representation shift: after a few blocks, the tokens that the MLP changed least are dropped.
///
/// The published blocks, 1, 4 and 7 of 12, were chosen for DeiT. Whether a small change means an
/// unimportant token depends on the model and the block: of demo_vit, which was trained with much
/// of the background left out, the first blocks change the object least. Losing the 20 % that block
/// 1 changes least leaves 12 % top-1 of 96 % (block 4: 19 %, block 7: 95 %); the published three
/// leave 11 %, where as many tokens at random leave 76 %. PyTorch finds the same for each block, so
/// it is the method and not this code.
package enum RepresentationShift: TokenReductionMethod {
  package static let name = "representation_shift"
  package static let summary =
    "drops the tokens that the MLP changed least, after a few blocks"
  package static let source = "Choi et al., ICCV 2025"
  package static let traits = MethodTraits(family: .drop, color: "#228833", order: 135)
  package static let example = #"{"method": "representation_shift", "keep_rate": 0.8}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter(
        "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1),
        default: .number(0.8), "fraction of the current patch tokens that is kept, rounded up"),
      MethodParameter(
        "layers", .layers, default: .array(["9%", "34%", "59%"].map { .string($0) }),
        "blocks after which tokens are removed: 1, 4 and 7 of 12"),
    ] + RepresentationShiftScore.parameters)

  package static let needs = MethodNeeds(reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    Composition(
      score: RepresentationShiftScore(values), disposal: Drop(),
      steps: try Schedule.given(values, Drop(), position: .afterBlock, geometry)
        ?? Schedule.keepRate(
          values.double("keep_rate"), layers: values.integers("layers"), extra: 0,
          position: .afterBlock, geometry), geometry: geometry)
  }
}
