import CKernels
import Records

/// DPC-KNN: tokens with a high density that are far from denser tokens become centers, and each
/// token is assigned to the nearest center; a cluster becomes its weighted mean.
///
/// With d the distance divided by √C: density = exp(−mean of the k smallest d², its own included),
/// score = density times the smallest d to a denser token (of the densest, the largest d of the
/// image). Differs: the published code adds random noise of 1e-6 to the density; here equal
/// densities keep their order. Weights are 1 or, with a trained layer, `exp(score(x))`. Source:
/// Haurum et al., "Which Tokens to Use?", ICCVW 2023, after Zeng et al., TCFormer.
package struct DensityPeaks: TokenDisposal {
  package static let name = "density_peaks"
  package static let summary = "clusters the tokens around density peaks, and merges each cluster"
  package static let parameters = [
    MethodParameter(
      "nearest", .integer(minimum: 1, maximum: Int(LAB_NEIGHBORS)), default: .integer(5),
      "number of nearest tokens for the density, including the token itself"),
    MethodParameter(
      "learned_weights", .boolean, default: .boolean(false),
      "whether the checkpoint's `cluster_layers.*.score` weights the tokens of a cluster"),
  ]

  package let nearest: Int
  package let isLearned: Bool

  package init(_ values: ParameterValues) {
    nearest = values.integer("nearest")
    isLearned = values.boolean("learned_weights")
  }

  package var positions: [ReductionStep.Position] { [.beforeBlock, .insideBlock, .afterBlock] }

  package func tensors(_ extent: StepExtent) -> [MethodTensor] {
    guard isLearned else { return [] }
    let key = "cluster_layers.\(extent.ordinal).score"
    return [
      MethodTensor("\(key).weight", [1, extent.width]), MethodTensor("\(key).bias", [1], .zeros),
    ]
  }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    ImageStep.distanceFloats(extent) + 3 * extent.step.tokensIn
  }

  package func reduce(_ image: ImageStep) {
    let n = image.tokensIn - image.prefix
    let distance = image.scratch
    image.writeDistances(into: distance, scale: 1 / Float(image.width))
    let density = distance + ImageStep.distanceFloats(image.extent)
    let (greatest, weights) = (density + n, density + n + n)
    image.share(
      DensityWork(
        image: image, distance: distance, nearest: nearest, density: density, greatest: greatest)
    ) { DensityWork.enter($0, $1) }
    var maximum: Float = 0
    for i in 0..<n { maximum = max(maximum, greatest[i]) }
    image.share(PeakWork(image: image, distance: distance, density: density, maximum: maximum)) {
      PeakWork.enter($0, $1)
    }
    image.rankPatches(into: image.integers)
    writeClusters(image, distance)
    for token in 0..<image.tokensIn {
      weights[token] =
        isLearned
        ? exponential(
          dot(image.token(token), image.constants, image.width) + image.constants[image.width]) : 1
    }
    image.share(ClusterMeanWork(image: image, weights: weights)) { ClusterMeanWork.enter($0, $1) }
  }

  /// Centers are the first in order, and each token is assigned to the nearest.
  private func writeClusters(_ image: ImageStep, _ distance: UnsafePointer<Float>) {
    let n = image.tokensIn - image.prefix
    let clusters = image.tokensOut - image.prefix
    let (centers, cluster) = (image.integers, image.integers + image.tokensIn)
    for index in 0..<clusters { centers[index] -= Int32(image.prefix) }
    image.share(
      NearestWork(
        image: image, distance: distance, centers: centers, count: clusters, cluster: cluster)
    ) { NearestWork.enter($0, $1) }
    for index in 0..<clusters { cluster[Int(centers[index])] = Int32(index) }
    var list = image.list()
    for index in 0..<clusters {
      let center = Int(centers[index])
      list.append(image.prefix + center)
      for i in 0..<n where Int(cluster[i]) == index && i != center { list.add(image.prefix + i) }
    }
    list.end()
  }
}

/// The density of each patch, and the largest distance from it.
private struct DensityWork: ImageWork {
  let image: ImageStep
  let distance: UnsafePointer<Float>
  let nearest: Int
  let density: UnsafeMutablePointer<Float>
  let greatest: UnsafeMutablePointer<Float>

  var items: Int { image.tokensIn - image.prefix }
  var grain: Int { 32 }

  func run(_ patches: Range<Int>) {
    for patch in patches {
      let row = distance + patch * items
      density[patch] = lab_density(row, items, nearest)
      var maximum: Float = 0
      for other in 0..<items { maximum = row[other] > maximum ? row[other] : maximum }
      greatest[patch] = maximum
    }
  }
}

/// The score of each patch: its density times its distance from a denser one.
private struct PeakWork: ImageWork {
  let image: ImageStep
  let distance: UnsafePointer<Float>
  let density: UnsafePointer<Float>
  let maximum: Float

  var items: Int { image.tokensIn - image.prefix }
  var grain: Int { 64 }

  func run(_ patches: Range<Int>) {
    for patch in patches {
      let minimum = lab_peak_distance(distance + patch * items, density, items, density[patch])
      image.scores[image.prefix + patch] = density[patch] * (minimum.isFinite ? minimum : maximum)
    }
  }
}

/// `Σ w x / (Σ w + 1e-6)` for each patch output; special tokens are copied.
private struct ClusterMeanWork: ImageWork {
  let image: ImageStep
  let weights: UnsafePointer<Float>

  var items: Int { image.tokensOut }
  var grain: Int { 32 }

  func run(_ outputs: Range<Int>) {
    for index in outputs {
      let target = image.output + index * image.width
      guard index >= image.prefix else {
        target.update(from: image.token(index), count: image.width)
        continue
      }
      target.update(repeating: 0, count: image.width)
      var sum: Float = 1e-6
      for place in Int(image.offsets[index])..<Int(image.offsets[index + 1]) {
        let source = Int(image.sources[place])
        add(weights[source], image.token(source), to: target, image.width)
        sum += weights[source]
      }
      lab_scale(target, 1 / sum, image.width)
    }
  }
}
