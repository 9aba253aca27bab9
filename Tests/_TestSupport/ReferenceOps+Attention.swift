import Tensors

extension ReferenceOps {
  package static func activate(_ activation: Activation, _ x: Double) -> Double {
    switch activation {
    case .identity: x
    case .relu: max(x, 0)
    case .gelu: gelu(x)
    case .silu: silu(x)
    case .sigmoid: sigmoid(x)
    case .hardswish: x * hardSigmoid(x)
    case .hardsigmoid: hardSigmoid(x)
    }
  }

  /// Softmax attention in which each token attends to the tokens of its group and region.
  ///
  /// Shapes: qkv `[B, N, 3, H, d]` with queries first; bias `[H, n, n]` for groups of n tokens; the
  /// result is `[B, N, H, d]`.
  package static func groupedAttention(
    qkv: [Float], batch: Int, tokens: Int, heads: Int, headDim d: Int, scale: Double,
    _ grouping: TokenGrouping, bias: [Float]?
  ) -> [Double] {
    let count = grouping.tokensPerGroup(tokens: tokens)
    func number(_ image: Int, _ token: Int, _ part: Int, _ at: Int) -> Double {
      Double(qkv[((image * tokens + token) * 3 + part) * heads * d + at])
    }
    var result = [Double](repeating: .nan, count: batch * tokens * heads * d)
    for image in 0..<batch {
      for group in 0..<grouping.groups(tokens: tokens) {
        for (place, head) in (0..<count).flatMap({ place in (0..<heads).map { (place, $0) } }) {
          let token = grouping.token(group, place)
          let seen = (0..<count).filter {
            grouping.region(group, $0) == grouping.region(group, place)
          }
          let weights = softmax(
            seen.map { other in
              (0..<d).reduce(bias.map { Double($0[(head * count + place) * count + other]) } ?? 0) {
                let at = head * d + $1
                return $0 + scale * number(image, token, 0, at)
                  * number(image, grouping.token(group, other), 1, at)
              }
            })
          for at in (head * d)..<((head + 1) * d) {
            result[(image * tokens + token) * heads * d + at] = zip(weights, seen).reduce(0) {
              $0 + $1.0 * number(image, grouping.token(group, $1.1), 2, at)
            }
          }
        }
      }
    }
    return result
  }
}
