import Records

/// A second baseline: keeps every token, and writes the attention map of every block to memory.
///
/// This is the cost of a method that must read the whole map, before it removes anything. A
/// speed-up over only this baseline is a speed-up over a slow baseline, so a report compares such
/// methods with both.
package enum ExplicitAttention: TokenReductionMethod {
  package static let name = "none_explicit"
  package static let summary =
    "keeps every token, with attention maps in memory, as methods that read the map need them"
  package static let source = NoReduction.source
  package static let traits = MethodTraits(family: .baseline, color: "#4D4D4D", order: 1)
  package static let example = #"{"method": "none_explicit"}"#
  package static let parameters: [MethodParameter] = []
  package static let needs = MethodNeeds(readsAttention: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    var composition = Composition.unreduced(geometry)
    composition.explicitAttention = true
    return composition
  }
}
