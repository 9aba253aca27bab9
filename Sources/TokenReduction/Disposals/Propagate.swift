import Records

/// GTP: the lowest scores go, and what they hold flows to their neighbors in a graph of the image's
/// patches.
///
/// The graph is built once from the embedded tokens: the up to 8 neighbors in the grid, the most
/// similar tokens by cosine, or both; `W_ij = G_ij / sqrt(d_i d_j)`, not symmetrized, later only
/// cut down to what is left. `x_kept += α W x_removed`, sizes likewise. With θ < 1 every entry of
/// an attention map below the `int(N² (1 − θ))`-th smallest of its head is zeroed first, rows not
/// renormalized. Source: Xu et al., "GTP-ViT", WACV 2024.
package struct Propagate: TokenDisposal {
  package static let name = "propagate"
  package static let summary = "drops the others after their share has flowed to their neighbors"
  package static let parameters = [
    MethodParameter(
      "propagation", .number(minimum: 0, exclusiveMinimum: false, maximum: 1),
      default: .number(0.2), "α: the share of a removed token that flows on"),
    MethodParameter(
      "sparsity", .number(minimum: 0, exclusiveMinimum: true, maximum: 1), default: .number(1),
      "θ: the share of each attention map that is kept"),
    MethodParameter(
      "graph", .choice(["mixed", "spatial", "semantic"]), default: .string("mixed"),
      "neighbors: by place, by similarity, or both"),
    MethodParameter(
      "neighbors", .integer(minimum: 1, maximum: nil), default: .integer(8),
      "similar tokens of each token"),
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

  package func stateFloats(_ geometry: TokenGeometry) -> Int {
    geometry.patchTokens * geometry.patchTokens
  }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    let n = extent.geometry.tokens
    return n * n + n * extent.width
  }

  package func begin(_ image: ImageStep) {
    let patches = image.extent.geometry.patchTokens
    let (c, graph) = (image.width, image.state)
    graph.update(repeating: 0, count: patches * patches)
    if self.graph != "semantic" { addSpatial(graph, patches) }
    if self.graph != "spatial" {
      let directions = image.scratch + patches * patches
      for patch in 0..<patches {
        (directions + patch * c).update(from: image.token(image.prefix + patch), count: c)
        normalize(directions + patch * c, c)
      }
      let row = image.scratch
      for patch in 0..<patches {
        for other in 0..<patches {
          row[other] =
            other == patch ? -.infinity : dot(directions + patch * c, directions + other * c, c)
        }
        sortDescending(image.integers, count: patches, by: row, from: 0)
        for rank in 0..<min(neighbors, patches - 1) {
          graph[patch * patches + Int(image.integers[rank])] = 1
        }
      }
    }
    let degrees = image.scratch
    for patch in 0..<patches {
      degrees[patch] = 0
      for other in 0..<patches { degrees[patch] += graph[patch * patches + other] }
    }
    for patch in 0..<patches {
      for other in 0..<patches where graph[patch * patches + other] > 0 {
        graph[patch * patches + other] = 1 / (degrees[patch] * degrees[other]).squareRoot()
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
    let count = image.tokensIn * image.tokensIn
    let k = Int(Double(count) * (1 - theta))
    guard k > 0 else { return }
    for head in 0..<image.heads {
      let entries = map + head * count
      image.scratch.update(from: entries, count: count)
      let threshold = smallest(k, of: image.scratch, count: count)
      for index in 0..<count where entries[index] < threshold { entries[index] = 0 }
    }
  }

  package func reduce(_ image: ImageStep) {
    let (order, c) = (image.integers, image.width)
    let patches = image.tokensIn - image.prefix
    let kept = image.tokensOut - image.prefix
    image.rankPatches(into: order)
    var list = image.list()
    for rank in 0..<kept { list.append(Int(order[rank])) }
    list.end()
    image.copyFirstSources()
    if let sizes = image.outputSizes {
      for index in 0..<image.tokensOut {
        sizes[index] = image.size(Int(image.sources[Int(image.offsets[index])]))
      }
    }
    for rank in 0..<kept {
      let weights = image.state + (Int(order[rank]) - image.prefix) * patches
      let target = image.output + (image.prefix + rank) * c
      for other in kept..<patches {
        let removed = Int(order[other])
        let weight = alpha * weights[removed - image.prefix]
        guard weight != 0 else { continue }
        add(weight, image.token(removed), to: target, c)
        image.outputSizes?[image.prefix + rank] += weight * image.size(removed)
      }
    }
    // The graph of what is left, in its new order.
    let left = image.scratch
    for row in 0..<kept {
      let weights = image.state + (Int(order[row]) - image.prefix) * patches
      for column in 0..<kept {
        left[row * kept + column] = weights[Int(order[column]) - image.prefix]
      }
    }
    image.state.update(from: left, count: kept * kept)
  }
}
