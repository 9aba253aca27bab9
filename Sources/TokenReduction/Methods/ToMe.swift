import Records

/// ToMe: at every block, the r most similar pairs of tokens are merged.
package enum ToMe: TokenReductionMethod {
  package static let name = "tome"
  package static let summary = "merges the r most similar pairs of tokens at every block"
  package static let source = "Bolya et al., arXiv:2210.09461; facebookresearch/ToMe af95e4b1"
  package static let traits = MethodTraits(family: .merge, color: "#009E73", order: 40)
  package static let example = #"{"method": "tome", "r": 8, "inflection": 0}"#
  package static let parameters = Schedule.keys(
    [
      MethodParameter("r", .integer(minimum: 0, maximum: nil), "tokens merged away at every block"),
      MethodParameter(
        "inflection", .number(minimum: -1, exclusiveMinimum: false, maximum: 1),
        default: .number(0),
        "0: the same r at every block; -1: falls from 2r to 0; 1: rises from 0 to 2r"),
      Schedule.proportionalAttention,
    ])

  package static let needs = MethodNeeds(sizesInAttention: true, reordersTokens: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let r = values.integer("r")
    try checkRemoval(r, leaving: 1, geometry)
    let schedule = counts(r: r, inflection: values.double("inflection"), depth: geometry.depth)
    return Composition(
      score: nil, disposal: MergePairs(),
      steps: try Schedule.given(values, MergePairs(), geometry)
        ?? Schedule.halving(r: schedule, geometry),
      proportionalAttention: values.boolean("proportional_attention"), geometry: geometry)
  }

  /// r per block, from `r(1 - inflection)` to `r(1 + inflection)` in a line, each truncated.
  ///
  /// Source: `parse_r` of ToMe's `tome/utils.py`.
  static func counts(r: Int, inflection: Double, depth: Int) -> [Int] {
    guard inflection != 0 else { return Array(repeating: r, count: depth) }
    let first = Int(Double(r) * (1 - inflection))
    let last = 2 * r - first
    let step = Double(last - first) / Double(max(1, depth - 1))
    return (0..<depth).map { Int(Double(first) + step * Double($0)) }
  }
}
