import Records

/// ATC: agglomerative clustering of the patch tokens by the cosine of their keys; each cluster
/// becomes its size-weighted mean.
///
/// Clusters come in the order of scikit-learn's `AgglomerativeClustering`. Source: Haurum et al.,
/// "Agglomerative Token Clustering", ECCV 2024.
package struct AgglomerativeClusters: TokenDisposal {
  package static let name = "agglomerative_clusters"
  package static let summary =
    "clusters the tokens from the closest pair on, and merges each cluster"
  package static let parameters = [
    MethodParameter(
      "linkage", .choice(Linkage.allCases.map(\.rawValue)), default: .string("average"),
      "distance of two clusters: the mean of all pairs, the closest or the farthest pair")
  ]

  package enum Linkage: String, CaseIterable, Hashable, Sendable {
    case average, single, complete
  }

  package let linkage: Linkage

  package init(_ values: ParameterValues) {
    linkage = Linkage(rawValue: values.string("linkage")) ?? .average
  }

  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var tracksSizes: Bool { true }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    let patches = extent.patchesIn
    return extent.step.tokensIn * (extent.headDim + 2)
      + ImageStep.productFloats(rows: patches, columns: patches, width: extent.headDim)
  }

  package func reduce(_ image: ImageStep) {
    let (n, d) = (image.tokensIn - image.prefix, image.headDim)
    let (leaves, keys) = (image.scratch, image.scratch + 2 * image.tokensIn)
    let distance = keys + image.tokensIn * d
    image.writeMeanKeys(into: keys)
    let rows = FloatRows(keys + image.prefix * d, count: n, width: d, stride: d)
    image.multiply(rows, rows, into: distance)
    for index in 0..<(n * n) { distance[index] = 1 - distance[index] }
    let tree = Tree(image, n, distance: distance, leaves: leaves, linkage: linkage)
    tree.build()
    tree.write(clusters: image.tokensOut - image.prefix)
    image.merge()
  }

  /// The whole dendrogram: leaf i is node i, the m-th merge makes node n + m.
  private struct Tree {
    let image: ImageStep
    let n: Int
    let distance: UnsafeMutablePointer<Float>
    /// The leaves of a row's cluster.
    let leaves: UnsafeMutablePointer<Float>
    let linkage: Linkage

    init(
      _ image: ImageStep, _ n: Int, distance: UnsafeMutablePointer<Float>,
      leaves: UnsafeMutablePointer<Float>, linkage: Linkage
    ) {
      self.image = image
      self.n = n
      self.distance = distance
      self.leaves = leaves
      self.linkage = linkage
    }

    /// The node of a row of `distance`, or −1.
    var node: UnsafeMutablePointer<Int32> { image.integers }
    var lower: UnsafeMutablePointer<Int32> { image.integers + image.tokensIn }
    var higher: UnsafeMutablePointer<Int32> { image.integers + 2 * image.tokensIn }
    var heap: UnsafeMutablePointer<Int32> { image.integers + 3 * image.tokensIn }
    var stack: UnsafeMutablePointer<Int32> { image.integers + 4 * image.tokensIn }
    var nearest: UnsafeMutablePointer<Float> { leaves + image.tokensIn }
    var neighbor: UnsafeMutablePointer<Int32> { image.integers + 5 * image.tokensIn }

    func build() {
      for i in 0..<n {
        node[i] = Int32(i)
        leaves[i] = 1
      }
      for i in 0..<n { findNeighbor(of: i) }
      for merge in 0..<(n - 1) {
        guard let i = closest(nearest, 0..<n, where: { neighbor[$0] >= 0 }) else { return }
        let j = Int(neighbor[i])
        lower[merge] = min(node[i], node[j])
        higher[merge] = max(node[i], node[j])
        join(i, j)
        node[i] = Int32(n + merge)
      }
    }

    /// The index of the first minimum in a range; if no value is finite, the first allowed index.
    @inline(__always)
    private func closest(
      _ values: UnsafePointer<Float>, _ range: Range<Int>, where isAllowed: (Int) -> Bool
    ) -> Int? {
      var (place, minimum) = (-1, Float.infinity)
      for index in range where values[index] < minimum { (place, minimum) = (index, values[index]) }
      return place >= 0 ? place : range.first(where: isAllowed)
    }

    /// The closest row after `row` itself.
    private func findNeighbor(of row: Int) {
      let values = distance + row * n
      guard let other = closest(values, min(row + 1, n)..<n, where: { node[$0] >= 0 }) else {
        (neighbor[row], nearest[row]) = (-1, .infinity)
        return
      }
      (neighbor[row], nearest[row]) = (Int32(other), values[other])
    }

    /// Merges row j into row i; afterwards, every distance from row j is infinite.
    private func join(_ i: Int, _ j: Int) {
      let (row, other) = (distance + i * n, distance + j * n)
      switch linkage {
      case .single: for k in 0..<n { row[k] = min(row[k], other[k]) }
      case .complete: for k in 0..<n { row[k] = max(row[k], other[k]) }
      case .average:
        let (a, b) = (leaves[i], leaves[j])
        for k in 0..<n { row[k] = (a * row[k] + b * other[k]) / (a + b) }
      }
      for k in 0..<n {
        distance[k * n + i] = row[k]
        distance[k * n + j] = .infinity
      }
      leaves[i] += leaves[j]
      (node[j], neighbor[j], nearest[j]) = (-1, -1, .infinity)
      for k in 0..<n where node[k] >= 0 {
        let known = Int(neighbor[k])
        if k == i || known == i || known == j {
          findNeighbor(of: k)
        } else if k < i {
          // Of the distances after this row, only the one to row i is new.
          let value = row[k]
          if value < nearest[k] || value == nearest[k] && i < known || known < 0 {
            (neighbor[k], nearest[k]) = (Int32(i), value)
          }
        }
      }
    }

    /// Splits the highest nodes until there are `count` clusters: slots of a heap of minus ids, as
    /// scikit-learn numbers them.
    func write(clusters: Int) {
      heap[0] = -Int32(2 * n - 2)
      var count = 1
      for _ in 1..<max(1, clusters) {
        let merge = Int(-heap[0]) - n
        heap[count] = -lower[merge]
        rise(count)
        count += 1
        let pushed = -higher[merge]
        if heap[0] < pushed { heap[0] = pushed; sink(count) }
      }
      var list = image.list()
      for cluster in 0..<count {
        list.begin()
        addLeaves(of: -heap[cluster], to: &list)
      }
      list.end()
    }

    /// As Python's `heapq` moves a new last element up.
    private func rise(_ start: Int) {
      var place = start
      let value = heap[place]
      while place > 0, value < heap[(place - 1) / 2] {
        heap[place] = heap[(place - 1) / 2]
        place = (place - 1) / 2
      }
      heap[place] = value
    }

    /// As `heapq` does: down to a leaf along the smaller children, then up.
    private func sink(_ count: Int) {
      var place = 0
      let value = heap[0]
      var child = 1
      while child < count {
        if child + 1 < count, !(heap[child] < heap[child + 1]) { child += 1 }
        heap[place] = heap[child]
        place = child
        child = 2 * place + 1
      }
      heap[place] = value
      rise(place)
    }

    private func addLeaves(of root: Int32, to list: inout SourceList) {
      // Ascending, so that sums do not depend on the tree's shape.
      var (depth, count) = (1, 0)
      stack[0] = root
      let found = neighbor
      while depth > 0 {
        depth -= 1
        let id = stack[depth]
        if id < n {
          found[count] = id
          count += 1
        } else {
          stack[depth] = lower[Int(id) - n]
          stack[depth + 1] = higher[Int(id) - n]
          depth += 2
        }
      }
      sortAscending(found, count: count)
      for index in 0..<count { list.add(image.prefix + Int(found[index])) }
    }
  }
}
