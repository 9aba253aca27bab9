import Records

/// DPC-KNN: tokens that are dense and far from denser ones are centers, and each token goes to the
/// nearest center; a cluster becomes its weighted mean.
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
      "nearest", .integer(minimum: 1, maximum: nil), default: .integer(5),
      "tokens that make a density, itself included"),
    MethodParameter(
      "learned_weights", .boolean, default: .boolean(false),
      "whether the checkpoint's `cluster_layers.*.score` weighs the tokens of a cluster"),
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
    let n = extent.step.tokensIn
    return n * n + 4 * n
  }

  package func reduce(_ image: ImageStep) {
    let n = image.tokensIn - image.prefix
    let distance = image.scratch
    let (density, row, weights) = (distance + n * n, distance + n * n + n, distance + n * n + 2 * n)
    let largest = writeDistances(image, distance)
    for i in 0..<n {
      row.update(from: distance + i * n, count: n)
      sortSmallest(row, n)
      var sum: Float = 0
      let count = min(nearest, n)
      for index in 0..<count { sum += row[index] * row[index] }
      density[i] = exponential(-sum / Float(count))
    }
    for i in 0..<n {
      var delta = Float.infinity
      for j in 0..<n where density[j] > density[i] { delta = min(delta, distance[i * n + j]) }
      image.scores[image.prefix + i] = density[i] * (delta.isFinite ? delta : largest)
    }
    image.rankPatches(into: image.integers)
    writeClusters(image, distance)
    for token in 0..<image.tokensIn {
      weights[token] =
        isLearned
        ? exponential(
          dot(image.token(token), image.constants, image.width) + image.constants[image.width]) : 1
    }
    image.writeClusterMeans(weights: weights)
  }

  /// Distances over √C; the largest.
  private func writeDistances(_ image: ImageStep, _ distance: UnsafeMutablePointer<Float>) -> Float
  {
    let n = image.tokensIn - image.prefix
    var largest: Float = 0
    for i in 0..<n {
      distance[i * n + i] = 0
      for j in (i + 1)..<max(i + 1, n) {
        let value =
          (squaredDistance(
            image.token(image.prefix + i), image.token(image.prefix + j), image.width)
          / Float(image.width)).squareRoot()
        distance[i * n + j] = value
        distance[j * n + i] = value
        largest = max(largest, value)
      }
    }
    return largest
  }

  /// Brings the `nearest` smallest to the front.
  private func sortSmallest(_ row: UnsafeMutablePointer<Float>, _ count: Int) {
    for place in 0..<min(nearest, count) {
      var smallest = place
      for index in (place + 1)..<max(place + 1, count) where row[index] < row[smallest] {
        smallest = index
      }
      let value = row[place]
      row[place] = row[smallest]
      row[smallest] = value
    }
  }

  /// Centers are the first in order, and each token goes to the nearest.
  private func writeClusters(_ image: ImageStep, _ distance: UnsafePointer<Float>) {
    let n = image.tokensIn - image.prefix
    let clusters = image.tokensOut - image.prefix
    let (order, cluster) = (image.integers, image.integers + image.tokensIn)
    for i in 0..<n {
      (cluster[i], _) = mostSimilar(of: clusters) {
        -distance[i * n + Int(order[$0]) - image.prefix]
      }
    }
    for index in 0..<clusters { cluster[Int(order[index]) - image.prefix] = Int32(index) }
    var list = image.list()
    for index in 0..<clusters {
      list.append(Int(order[index]))
      let center = Int(order[index]) - image.prefix
      for i in 0..<n where Int(cluster[i]) == index && i != center { list.add(image.prefix + i) }
    }
    list.end()
  }
}

extension ImageStep {
  /// `Σ w x / (Σ w + 1e-6)` for each patch output; special tokens are copied.
  func writeClusterMeans(weights: UnsafePointer<Float>) {
    for special in 0..<prefix {
      (output + special * width).update(from: token(special), count: width)
    }
    for index in prefix..<tokensOut {
      let target = output + index * width
      target.update(repeating: 0, count: width)
      var sum: Float = 1e-6
      for place in Int(offsets[index])..<Int(offsets[index + 1]) {
        let source = Int(sources[place])
        add(weights[source], token(source), to: target, width)
        sum += weights[source]
      }
      scale(target, by: 1 / sum, width)
    }
  }
}
