import Records

/// Representation shift: after a few blocks the tokens go that their MLP changed least.
package enum RepresentationShift: TokenReductionMethod {
  package static let name = "representation_shift"
  package static let summary =
    "drops the tokens that the MLP changed least behind a few blocks"
  package static let source = "Choi et al., ICCV 2025"
  package static let traits = MethodTraits(family: .drop, color: "#228833", order: 135)
  package static let example = #"{"method": "representation_shift", "keep_rate": 0.8}"#
  package static let parameters =
    [
      MethodParameter(
        "keep_rate", .number(minimum: 0, exclusiveMinimum: true, maximum: 1),
        default: .number(0.8), "share of the current patch tokens that stays, rounded up"),
      MethodParameter(
        "layers", .layers, default: .array(["9%", "34%", "59%"].map { .string($0) }),
        "blocks behind which tokens go: 1, 4 and 7 of 12"),
    ] + RepresentationShiftScore.parameters + [Schedule.tokens]
  package static let needs = MethodNeeds(reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    Composition(
      score: RepresentationShiftScore(values), disposal: Drop(),
      steps: try Schedule.explicit(values, Drop(), position: .afterBlock, geometry)
        ?? Schedule.keepRate(
          values.double("keep_rate"), layers: values.integers("layers"), extra: 0,
          position: .afterBlock, geometry), geometry: geometry)
  }
}
