import Records
import Tensors

/// K-medoids: tokens are clustered around K of themselves, and those are what stays.
///
/// Weights w are the attention that a token received in the block before, of all heads and queries.
/// The K largest begin; in each round every token goes to the nearest medoid, and a cluster's new
/// medoid is its member with the smallest `w_i Σ_j d_ij` over all tokens j. Differs from the usual
/// algorithm as the published code does: a high weight speaks against a token. Source: Haurum et
/// al., "Which Tokens to Use?", ICCVW 2023; `TokenReduction`.
package struct KMedoidsClusters: TokenDisposal {
  package static let name = "k_medoids"
  package static let summary = "clusters the tokens around some of them, and keeps those"
  package static let parameters = [
    MethodParameter(
      "rounds", .integer(minimum: 0, maximum: 1000), default: .integer(3),
      "rounds of assigning tokens and choosing medoids")
  ]

  package let rounds: Int

  package init(_ values: ParameterValues) { rounds = values.integer("rounds") }

  package var inputs: ReductionInputs {
    ReductionInputs(received: .init(heads: .sum, skipsPrefix: false))
  }
  package var positions: [ReductionStep.Position] { [.beforeBlock] }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    extent.step.tokensIn * (extent.step.tokensIn + 1)
  }

  package func reduce(_ image: ImageStep) {
    guard let received = image.received else { return }
    let n = image.tokensIn - image.prefix
    let count = image.tokensOut - image.prefix
    let (distance, total) = (image.scratch, image.scratch + n * n)
    image.scores.update(from: received, count: image.tokensIn)
    let (medoids, cluster) = (image.integers, image.integers + image.tokensIn)
    image.rankPatches(into: medoids)
    for index in 0..<count { medoids[index] -= Int32(image.prefix) }
    for i in 0..<n {
      total[i] = 0
      for j in 0..<n {
        distance[i * n + j] =
          squaredDistance(
            image.token(image.prefix + i), image.token(image.prefix + j), image.width
          ).squareRoot()
        total[i] += distance[i * n + j]
      }
    }
    for _ in 0..<rounds {
      for i in 0..<n {
        (cluster[i], _) = mostSimilar(of: count) { -distance[i * n + Int(medoids[$0])] }
      }
      for index in 0..<count {
        var (best, smallest) = (Int32(0), Float.infinity)
        for i in 0..<n where Int(cluster[i]) == index {
          let cost = image.scores[image.prefix + i] * total[i]
          if cost < smallest { (best, smallest) = (Int32(i), cost) }
        }
        medoids[index] = best
      }
    }
    write(image, medoids, count)
  }

  /// Medoids may coincide (an empty cluster takes the first patch); the token is then copied, and
  /// the list names it once.
  private func write(_ image: ImageStep, _ medoids: UnsafePointer<Int32>, _ count: Int) {
    var list = image.list()
    for index in 0..<count {
      list.begin()
      var isFirst = true
      for earlier in 0..<index where medoids[earlier] == medoids[index] { isFirst = false }
      if isFirst { list.add(image.prefix + Int(medoids[index])) }
      (image.output + (image.prefix + index) * image.width).update(
        from: image.token(image.prefix + Int(medoids[index])), count: image.width)
    }
    list.end()
    image.output.update(from: image.tokens, count: image.prefix * image.width)
  }
}
