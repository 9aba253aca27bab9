import Records

/// PiToMe: the patch tokens with the highest energy, those with many similar tokens, are merged in
/// pairs with similar energy.
///
/// With K̄ the heads' mean key of length 1, the energy of i is the mean over all j of `ELU(cos_ij −
/// m)`, m = b − b·l/depth for block l. Of the 2r highest, the even ranks are merged into the most
/// similar of the odd ones. In the authors' path for DeiT (`"half"`) the first half of the blocks
/// takes all ranks alternately instead, and merges the r closest. Sizes weight the means but are
/// not used in attention. Source: Tran et al., "PiToMe", NeurIPS 2024.
package struct MergeByEnergy: TokenDisposal {
  package static let name = "merge_by_energy"
  package static let summary = "merges the tokens that have the most like them, pairwise"
  package static let parameters = [
    MethodParameter(
      "margin", .number(minimum: 0, exclusiveMinimum: false, maximum: 1), default: .number(0.75),
      "b of the margin b − b·l/depth: 0.75 for DeiT and MAE, 0.9 for augreg weights"),
    MethodParameter(
      "first_half", .choice(["energy", "alternate"]), default: .string("alternate"),
      "pairs of the first half of the blocks: of the highest energies, or, as for DeiT, of all ranks"
    ),
  ]

  package let margin: Float
  package let alternates: Bool

  package init(_ values: ParameterValues) {
    margin = Float(values.double("margin"))
    alternates = values.string("first_half") == "alternate"
  }

  package var inputs: ReductionInputs { ReductionInputs(projections: true) }
  package var tracksSizes: Bool { true }
  package func maxRemoved(of patches: Int) -> Int { patches / 2 }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    extent.step.tokensIn * (extent.headDim + 1)
      + ImageStep.productFloats(
        rows: extent.patchesIn, columns: extent.patchesIn, width: extent.headDim)
  }

  package func reduce(_ image: ImageStep) {
    let (keys, d, n) = (image.scratch, image.headDim, image.tokensIn)
    let (maxima, cosines) = (keys + n * d, keys + n * d + n)
    let (block, depth) = (image.extent.step.block, image.extent.geometry.depth)
    let m = margin - margin * Float(block) / Float(depth)
    image.writeMeanKeys(into: keys)
    let rows = FloatRows(keys, count: n, width: d, stride: d)[image.prefix..<n]
    image.multiply(
      rows, rows, into: cosines, then: .eluMeans(margin: m, into: image.scores + image.prefix))
    let (order, partner, pairs) = (image.integers, image.integers + n, image.integers + 2 * n)
    image.rankPatches(into: order)
    let patches = n - image.prefix
    let r = n - image.tokensOut
    let considered = alternates && block < (depth + 1) / 2 ? patches : 2 * r
    for rank in stride(from: 0, to: considered, by: 2) {
      let row = cosines + (Int(order[rank]) - image.prefix) * patches - image.prefix
      let (best, maximum) = mostSimilar(of: considered / 2) { row[Int(order[2 * $0 + 1])] }
      partner[rank / 2] = best
      maxima[rank / 2] = maximum
    }
    let count = (considered + 1) / 2
    if considered == 2 * r {
      for pair in 0..<count { pairs[pair] = Int32(pair) }
    } else {
      image.rank(maxima, count: count, from: 0, into: pairs)
    }
    var list = image.list()
    for pair in r..<max(r, count) { list.append(Int(order[2 * Int(pairs[pair])])) }
    for rank in considered..<max(considered, patches) { list.append(Int(order[rank])) }
    for target in 0..<(considered / 2) {
      list.append(Int(order[2 * target + 1]))
      for pair in 0..<r where Int(partner[Int(pairs[pair])]) == target {
        list.add(Int(order[2 * Int(pairs[pair])]))
      }
    }
    list.end()
    image.merge()
  }
}
