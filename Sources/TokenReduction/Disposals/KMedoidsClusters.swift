import CKernels
import Records
import Tensors

/// K-medoids: tokens are clustered around K of them, the medoids, which are kept.
///
/// Weights w are the attention that a token received in the previous block, over all heads and
/// queries. The K largest are the initial medoids; in each round, every token is assigned to the
/// nearest medoid, and a cluster's new medoid is its member with the smallest `w_i Σ_j d_ij` over
/// all tokens j. Like the published code, this differs from the usual algorithm: a high weight
/// counts against a token. Source: Haurum et al., "Which Tokens to Use?", ICCVW 2023;
/// `TokenReduction`.
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
    ImageStep.distanceFloats(extent) + 2 * extent.step.tokensIn
  }

  package func reduce(_ image: ImageStep) {
    guard let received = image.received else { return }
    let n = image.tokensIn - image.prefix
    let count = image.tokensOut - image.prefix
    let distance = image.scratch
    let total = distance + ImageStep.distanceFloats(image.extent)
    let smallest = total + n
    image.scores.update(from: received, count: image.tokensIn)
    let (medoids, cluster) = (image.integers, image.integers + image.tokensIn)
    image.rankPatches(into: medoids)
    for index in 0..<count { medoids[index] -= Int32(image.prefix) }
    image.writeDistances(into: distance, scale: 1)
    // Rows and columns are the same.
    lab_column_sums(distance, n, n, n, total)
    for _ in 0..<rounds {
      image.share(
        NearestWork(
          image: image, distance: distance, centers: medoids, count: count, cluster: cluster)
      ) { NearestWork.enter($0, $1) }
      medoids.update(repeating: 0, count: count)
      smallest.update(repeating: .infinity, count: count)
      for i in 0..<n {
        let (index, cost) = (Int(cluster[i]), image.scores[image.prefix + i] * total[i])
        if cost < smallest[index] { (medoids[index], smallest[index]) = (Int32(i), cost) }
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

/// The nearest of some patches to each patch, the first in case of a tie.
struct NearestWork: ImageWork {
  let image: ImageStep
  /// [P, P].
  let distance: UnsafePointer<Float>
  /// Patches, counted without special tokens.
  let centers: UnsafePointer<Int32>
  let count: Int
  let cluster: UnsafeMutablePointer<Int32>

  var items: Int { image.tokensIn - image.prefix }
  var grain: Int { 32 }

  func run(_ patches: Range<Int>) {
    for patch in patches {
      let row = distance + patch * items
      (cluster[patch], _) = mostSimilar(of: count) { -row[Int(centers[$0])] }
    }
  }
}
