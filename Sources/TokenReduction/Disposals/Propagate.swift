import CKernels
import Records

/// GTP: the tokens with the lowest scores are removed, and their values are propagated to their
/// neighbors in a graph of the image's patches.
///
/// The graph is built once from the embedded tokens: the up to 8 neighbors in the grid, the most
/// similar tokens by cosine, or both; `W_ij = G_ij / sqrt(d_i d_j)`, not symmetrized, and later
/// restricted to the remaining tokens. `x_kept += α W x_removed`, sizes likewise. With θ < 1 every
/// entry of an attention map below the `int(N² (1 − θ))`-th smallest of its head is zeroed first,
/// rows not renormalized. Source: Xu et al., "GTP-ViT", WACV 2024.
package struct Propagate: TokenDisposal {
  package static let name = "propagate"
  package static let summary = "drops the others after their share has flowed to their neighbors"
  package static let parameters = [
    MethodParameter(
      "propagation", .number(minimum: 0, exclusiveMinimum: false, maximum: 1),
      default: .number(0.2), "α: the fraction of a removed token that is propagated"),
    MethodParameter(
      "sparsity", .number(minimum: 0, exclusiveMinimum: true, maximum: 1), default: .number(1),
      "θ: the fraction of each attention map that is kept"),
    MethodParameter(
      "graph", .choice(["mixed", "spatial", "semantic"]), default: .string("mixed"),
      "neighbors by position, by similarity, or both"),
    MethodParameter(
      "neighbors", .integer(minimum: 1, maximum: Int(LAB_NEIGHBORS)), default: .integer(8),
      "number of similar tokens of each token"),
  ]

  package let alpha: Float
  package let theta: Double
  package let graph: String
  package let neighbors: Int

  package init(_ values: ParameterValues) {
    alpha = Float(values.double("propagation"))
    theta = values.double("sparsity")
    graph = values.string("graph")
    neighbors = values.integer("neighbors")
  }

  package var takesScore: Bool { true }
  package var inputs: ReductionInputs { ReductionInputs(map: theta < 1) }
  package var tracksSizes: Bool { true }
  package var changesMap: Bool { theta < 1 }

  /// The graph [P, P], and the patch of each token of a step.
  package func stateFloats(_ geometry: TokenGeometry) -> Int {
    geometry.patchTokens * (geometry.patchTokens + 1)
  }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    let (patches, tokens) = (extent.geometry.patchTokens, extent.step.tokensIn)
    return max(
      FloatRows.floats(patches, width: extent.width)
        + ImageStep.productFloats(rows: patches, columns: patches, width: extent.width), tokens)
  }

  package func begin(_ image: ImageStep) {
    let patches = image.extent.geometry.patchTokens
    let (graph, ids) = (image.state, image.state + patches * patches)
    graph.update(repeating: 0, count: patches * patches)
    for patch in 0..<patches { ids[patch] = Float(patch) }
    if self.graph != "semantic" { addSpatial(graph, patches) }
    if self.graph != "spatial" {
      let rows = image.writeDirections(
        from: image.prefix, count: patches,
        into: image.scratch
          + ImageStep.productFloats(rows: patches, columns: patches, width: image.width))
      image.multiply(
        rows, rows, into: image.scratch, then: .marks(neighbors: neighbors, into: graph))
    }
    let degrees = image.scratch
    for patch in 0..<patches {
      degrees[patch] = 0
      for other in 0..<patches { degrees[patch] += graph[patch * patches + other] }
    }
    for patch in 0..<patches {
      let row = graph + patch * patches
      for other in 0..<patches where row[other] > 0 {
        row[other] = 1 / (degrees[patch] * degrees[other]).squareRoot()
      }
    }
  }

  private func addSpatial(_ graph: UnsafeMutablePointer<Float>, _ patches: Int) {
    let side = Int(Double(patches).squareRoot().rounded())
    for patch in 0..<patches {
      for dy in -1...1 {
        for dx in -1...1 where dy != 0 || dx != 0 {
          let (y, x) = (patch / side + dy, patch % side + dx)
          guard y >= 0, x >= 0, x < side, y * side + x < patches else { continue }
          graph[patch * patches + y * side + x] = 1
        }
      }
    }
  }

  package func changeMap(_ image: ImageStep) {
    guard let map = image.map else { return }
    let k = Int(Double(image.tokensIn * image.tokensIn) * (1 - theta))
    guard k > 0 else { return }
    image.share(SparsifyWork(image: image, map: map, k: k)) { SparsifyWork.enter($0, $1) }
  }

  package func reduce(_ image: ImageStep) {
    let (order, c, prefix) = (image.integers, image.width, image.prefix)
    let patches = image.tokensIn - prefix
    let kept = image.tokensOut - prefix
    image.rankPatches(into: order)
    var list = image.list()
    for rank in 0..<kept { list.append(Int(order[rank])) }
    list.end()
    image.writeMeans(weights: nil)
    if let sizes = image.outputSizes {
      for index in 0..<image.tokensOut {
        sizes[index] = image.size(Int(image.sources[Int(image.offsets[index])]))
      }
    }
    let all = image.extent.geometry.patchTokens
    let ids = image.state + all * all
    // In their new order; kept tokens come first.
    let ranked = image.scratch
    for rank in 0..<patches { ranked[rank] = ids[Int(order[rank]) - prefix] }
    ids.update(from: ranked, count: patches)
    for rank in 0..<kept {
      let weights = image.state + Int(ids[rank]) * all
      let target = image.output + (prefix + rank) * c
      for other in kept..<patches {
        let weight = alpha * weights[Int(ids[other])]
        guard weight != 0 else { continue }
        let removed = Int(order[other])
        add(weight, image.token(removed), to: target, c)
        image.outputSizes?[prefix + rank] += weight * image.size(removed)
      }
    }
  }
}

/// Sets the smallest entries of some heads' maps to zero.
private struct SparsifyWork: ImageWork {
  let image: ImageStep
  let map: UnsafeMutablePointer<Float>
  /// The smallest kept entry is the k-th.
  let k: Int

  var items: Int { image.heads }
  var grain: Int { 1 }

  func run(_ heads: Range<Int>) {
    let count = image.tokensIn * image.tokensIn
    for head in heads {
      let entries = map + head * count
      lab_zero_below(entries, count, lab_kth_smallest(entries, count, k))
    }
  }
}
