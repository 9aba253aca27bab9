import Records

/// ATS: tokens are sampled by their scores at a few blocks; an image keeps the distinct ones.
///
/// A batch computes with the most tokens that an image can keep, so latency is that of `tokens`.
package enum ATS: TokenReductionMethod {
  package static let name = "ats"
  package static let summary =
    "samples tokens by class attention and value at a few blocks and keeps the distinct ones"
  package static let source = "Fayyaz et al., arXiv:2111.15667; JoakimHaurum/TokenReduction"
  package static let traits = MethodTraits(family: .drop, color: "#AA4499", order: 95)
  package static let example = #"{"method": "ats", "keep_rate": 0.7}"#
  package static let parameters = Schedule.keys(
    [
      Schedule.compoundingKeepRate, Schedule.layers,
      MethodParameter(
        "samples", .counts, otherwise: "from keep_rate",
        "K at each of the layers: tokens are sampled at K − 1 or K places"),
    ])

  package static let needs = MethodNeeds(readsAttention: true, sizesInAttention: true)

  package static func composition(_ values: ParameterValues, _ geometry: TokenGeometry)
    throws(ParameterProblem) -> Composition
  {
    let layers = values.integers("layers")
    var samples = values.integers("samples")
    if values.has("samples"), samples.count != layers.count {
      throw ParameterProblem(
        key: "samples",
        message: "has \(samples.count) values for \(layers.count) layers; give one each")
    }
    if samples.isEmpty {
      var share = 1.0
      samples = layers.map { _ in
        share *= values.double("keep_rate")
        return Int(Double(geometry.patchTokens) * share)
      }
    }
    let explicit = try Schedule.given(values, InverseTransformSampling(), geometry)
    if explicit == nil, let small = samples.first(where: { $0 < 2 }) {
      throw ParameterProblem(key: "samples", message: "\(small) is too few; it must be 2 or more")
    }
    let steps =
      explicit
      ?? Schedule.steps(geometry) { block, tokens in
        layers.firstIndex(of: block).map {
          min(tokens, geometry.prefixTokens + InverseTransformSampling.count(samples[$0]))
        }
      }
    return Composition(
      score: ClassHeadValueScore(),
      disposal: InverseTransformSampling(samples: explicit == nil ? samples : []), steps: steps,
      proportionalAttention: true, geometry: geometry)
  }
}
