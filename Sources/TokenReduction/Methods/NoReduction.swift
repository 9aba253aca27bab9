import Records

/// The baseline: keeps every token.
package enum NoReduction: TokenReductionMethod {
  package static let name = "none"
  package static let summary = "the baseline: keeps every token"
  package static let source = "Dosovitskiy et al., arXiv:2010.11929"
  package static let traits = MethodTraits(family: .baseline, color: "#000000", order: 0)
  package static let example = #"{"method": "none"}"#
  package static let parameters: [MethodParameter] = []

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    .unreduced(geometry)
  }
}
