import Records
import Tensors

/// The tail-effect score `a / max a + softmax(v)` with its ablations as parameters.
///
/// `a_j = Σ_i reduce_h A[h, i, j]` over patch rows and columns, `v_j = softmax_j(Σ_c reduce_h V[h,
/// j, c])` over all tokens. Source: "Pruning One More Token is Enough", section 3.3.
package struct TailEffectScore: TokenScore {
  package static let name = "tail_effect"
  package static let summary = "received attention plus the softmax of the values' sums"

  package var usesAttention: Bool
  /// `nil` leaves the feature term out.
  package var feature: AttentionFeature?
  package var attentionHeads: HeadReduction
  package var featureHeads: HeadReduction
  package var normalization: ScoreNormalization

  package init(
    usesAttention: Bool = true, feature: AttentionFeature? = .value,
    attentionHeads: HeadReduction = .max, featureHeads: HeadReduction = .max,
    normalization: ScoreNormalization = .image
  ) {
    self.usesAttention = usesAttention
    self.feature = feature
    self.attentionHeads = attentionHeads
    self.featureHeads = featureHeads
    self.normalization = normalization
  }

  package var inputs: ReductionInputs {
    ReductionInputs(
      received: usesAttention ? .init(heads: attentionHeads) : nil, projections: feature != nil)
  }
  package var dependsOnBatch: Bool { usesAttention && normalization == .batch }
  package var kernel: ScoreKernel? { .tailEffect(self) }

  /// For one image: only the kernel supports the maximum over a batch.
  package func writeScores(_ image: ImageStep) {
    let n = image.tokensIn
    image.scores.update(repeating: 0, count: n)
    if let feature {
      var largest = -Float.infinity
      for token in 0..<n {
        image.scores[token] = featureSum(image.feature(feature, token), image)
        largest = max(largest, image.scores[token])
      }
      var sum: Float = 0
      for token in 0..<n {
        image.scores[token] = exponential(image.scores[token] - largest)
        sum += image.scores[token]
      }
      scale(image.scores, by: 1 / sum, n)
    }
    guard usesAttention, let received = image.received else { return }
    var largest = -Float.infinity
    for token in image.prefix..<n { largest = max(largest, received[token]) }
    for token in image.prefix..<n { image.scores[token] += received[token] / largest }
  }

  private func featureSum(_ row: UnsafePointer<Float>, _ image: ImageStep) -> Float {
    var sum: Float = 0
    for c in 0..<image.headDim {
      var value = featureHeads == .max ? -Float.infinity : 0
      for head in 0..<image.heads {
        let one = row[head * image.headDim + c]
        value = featureHeads == .max ? max(value, one) : value + one
      }
      sum += featureHeads == .mean ? value / Float(image.heads) : value
    }
    return sum
  }
}

extension TailEffectScore {
  /// The ablations of the paper's table 2 as keys of a spec.
  package static let parameters = [
    MethodParameter(
      "attention", .boolean, default: .boolean(true), "whether received attention counts"),
    MethodParameter(
      "attention_heads", .choice(HeadReduction.allCases.map(\.rawValue)), default: .string("max"),
      "how attention is reduced over heads"),
    MethodParameter(
      "feature", .choice(["q", "k", "v", "none"]), default: .string("v"),
      "which projection the feature term reads"),
    MethodParameter(
      "feature_heads", .choice(HeadReduction.allCases.map(\.rawValue)), default: .string("max"),
      "how the feature term is reduced over heads"),
    MethodParameter(
      "normalization", .choice(ScoreNormalization.allCases.map(\.rawValue)),
      default: .string("image"),
      "what the maximum of the attention term is taken over; \"batch\" as in the "
        + "authors' code"),
  ]

  package init(_ values: ParameterValues) throws(ParameterProblem) {
    let feature: AttentionFeature? =
      switch values.string("feature") {
      case "q": .query
      case "k": .key
      case "v": .value
      default: nil
      }
    self.init(
      usesAttention: values.boolean("attention"), feature: feature,
      attentionHeads: HeadReduction(rawValue: values.string("attention_heads")) ?? .max,
      featureHeads: HeadReduction(rawValue: values.string("feature_heads")) ?? .max,
      normalization: ScoreNormalization(rawValue: values.string("normalization")) ?? .image)
    guard usesAttention || self.feature != nil else {
      throw ParameterProblem(
        key: "feature",
        message: "\"none\" with \"attention\": false leaves no score; keep one of the two terms")
    }
  }
}
