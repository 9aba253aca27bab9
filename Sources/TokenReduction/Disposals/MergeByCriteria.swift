import CKernels
import Records

/// MCTF: pairs with high similarity, little attention and small size are merged before attention is
/// applied to the values, half of them in each direction.
///
/// `W_ij = ((cos_ij + 1) / 2)^(1/τ₁) · (a_i a_j)^(1/τ₂) · (s_i s_j)^(1/τ₃)` of the block's input, a
/// the inverse of the mean attention received and s that of the size, each of maximum 1. First the
/// r/2 best even tokens go into odd ones, then from the same W the rest of the odd ones into the
/// even ones that are left. Groups are means weighted by size; columns of the map are added and its
/// rows are averaged in the same way. Source: Lee et al., "Multi-criteria Token Fusion", CVPR 2024;
/// its evaluation weighs by size alone, `"pool": "attention_size"` by attention times size.
package struct MergeByCriteria: TokenDisposal {
  package static let name = "merge_by_criteria"
  package static let summary =
    "merges pairs by likeness, little attention and small size before attention is applied"
  package static let parameters = [
    MethodParameter(
      "tau_similarity", tau, default: .number(1), "temperature of the similarity"),
    MethodParameter("tau_attention", tau, default: .number(20), "temperature of the attention"),
    MethodParameter("tau_size", tau, default: .number(40), "temperature of the size"),
    MethodParameter(
      "pool", .choice(["size", "attention_size"]), default: .string("size"),
      "the weights of the tokens of a group"),
  ]
  private static let tau = ValueRule.number(
    minimum: 0, exclusiveMinimum: true, maximum: 1e6)

  package let exponents: [Float]
  package let poolsByAttention: Bool

  package init(_ values: ParameterValues) {
    exponents = ["tau_similarity", "tau_attention", "tau_size"].map { 1 / Float(values.double($0)) }
    poolsByAttention = values.string("pool") == "attention_size"
  }

  package var inputs: ReductionInputs { ReductionInputs(map: true) }
  package var positions: [ReductionStep.Position] { [.insideAttention] }
  package var tracksSizes: Bool { true }
  package func maxRemoved(of patches: Int) -> Int { patches / 2 }

  package func scratchFloats(_ extent: StepExtent) -> Int {
    let n = extent.step.tokensIn
    return 4 * n + FloatRows.floats(n, width: extent.width)
      + ImageStep.productFloats(rows: (n + 1) / 2, columns: n / 2, width: extent.width)
  }

  package func reduce(_ image: ImageStep) {
    let n = image.tokensIn
    let factors = image.scratch
    let received = factors + n
    writeFactors(image, factors, received)
    let matching = Matching(image, W: received + 3 * n, maxima: received + n)
    writeWeights(image, matching, factors)
    let r = n - image.tokensOut
    matching.matchEven(r / 2)
    matching.matchOdd(r - r / 2)
    matching.write()
    let weights = received + 2 * n
    for token in 0..<n {
      weights[token] = image.size(token) * (poolsByAttention ? received[token] : 1)
    }
    image.writeMeans(weights: weights)
    image.addSizes()
    reduceMap(image, weights)
  }

  /// `(a_j)^(1/τ₂) (s_j)^(1/τ₃)` of each token, and the mean attention that it receives.
  private func writeFactors(
    _ image: ImageStep, _ factors: UnsafeMutablePointer<Float>,
    _ received: UnsafeMutablePointer<Float>
  ) {
    guard let map = image.map else { return }
    let n = image.tokensIn
    let sums = ColumnWork(image: image, map: map, maps: 1, rows: image.heads * n, sums: received)
    image.share(sums) { ColumnWork.enter($0, $1) }
    lab_scale(received, 1 / Float(image.heads * n), n)
    var (mostAttention, mostSize) = (Float(0), Float(0))
    for token in 0..<n {
      mostAttention = max(mostAttention, 1 / received[token])
      mostSize = max(mostSize, 1 / image.size(token))
    }
    for token in 0..<n {
      image.scores[token] = received[token]
      factors[token] =
        power(1 / received[token] / mostAttention, exponents[1])
        * power(1 / image.size(token) / mostSize, exponents[2])
    }
  }

  private func writeWeights(
    _ image: ImageStep, _ matching: Matching, _ factors: UnsafePointer<Float>
  ) {
    let (even, odd, W) = (matching.even, matching.odd, matching.W)
    let rows = image.writeDirections(
      count: image.tokensIn,
      into: W + ImageStep.productFloats(rows: even, columns: odd, width: image.width))
    if exponents[0] == 1 {
      image.multiply(
        rows.even, rows.odd, into: W,
        then: .criteria(rows: factors, columns: factors + 1, step: 2))
    } else {
      image.multiply(rows.even, rows.odd, into: W)
      for i in 0..<even {
        for j in 0..<odd {
          let likeness = max(0, (W[i * odd + j] + 1) / 2)
          W[i * odd + j] = power(likeness, exponents[0]) * factors[2 * i] * factors[2 * j + 1]
        }
      }
    }
    let (evenPrefix, oddPrefix) = ((image.prefix + 1) / 2, image.prefix / 2)
    W.update(repeating: -.infinity, count: evenPrefix * odd)
    for i in evenPrefix..<max(evenPrefix, even) {
      (W + i * odd).update(repeating: -.infinity, count: oddPrefix)
    }
  }

  /// Adds the columns of each group and averages its rows by weight: [H, N, N] to [H, N', N'].
  private func reduceMap(_ image: ImageStep, _ weights: UnsafePointer<Float>) {
    guard let map = image.map, let output = image.outputMap else { return }
    let (first, into, from) = (
      image.integers, image.integers + image.tokensIn, image.integers + 2 * image.tokensIn
    )
    var pairs = 0
    for column in 0..<image.tokensOut {
      let members = Int(image.offsets[column])..<Int(image.offsets[column + 1])
      first[column] = image.sources[members.lowerBound]
      for place in members.dropFirst() {
        (into[pairs], from[pairs]) = (Int32(column), image.sources[place])
        pairs += 1
      }
    }
    let folding = lab_folding(
      first: first, columns: image.tokensOut, into: into, from: from, pairs: pairs)
    image.share(
      FoldWork(image: image, map: map, folding: folding, weights: weights, output: output)
    ) { FoldWork.enter($0, $1) }
  }

  /// The two rounds of pairs.
  private struct Matching {
    let image: ImageStep
    let even: Int
    let odd: Int
    /// [even, odd].
    let W: UnsafeMutablePointer<Float>
    let maxima: UnsafeMutablePointer<Float>

    /// The even token's group: itself, or the odd token that it was merged into.
    var evenTarget: UnsafeMutablePointer<Int32> { image.integers }
    /// The even token that an odd one was merged into, or −1.
    var oddTarget: UnsafeMutablePointer<Int32> { image.integers + image.tokensIn }
    var order: UnsafeMutablePointer<Int32> { image.integers + 2 * image.tokensIn }
    var partner: UnsafeMutablePointer<Int32> { image.integers + 3 * image.tokensIn }

    init(
      _ image: ImageStep, W: UnsafeMutablePointer<Float>, maxima: UnsafeMutablePointer<Float>
    ) {
      self.image = image
      even = (image.tokensIn + 1) / 2
      odd = image.tokensIn / 2
      self.W = W
      self.maxima = maxima
    }

    /// Merges the best `count` even tokens into odd ones.
    func matchEven(_ count: Int) {
      evenTarget.update(repeating: -1, count: even)
      // Special tokens never receive a token, not even if all similarities are NaN.
      lab_row_maxima(W, even, odd, odd, image.prefix / 2, maxima, partner)
      let first = (image.prefix + 1) / 2
      image.rank(maxima, count: even - first, from: first, into: order)
      for rank in 0..<count { evenTarget[Int(order[rank])] = partner[Int(order[rank])] }
    }

    /// Merges the best `count` odd tokens into remaining even ones.
    func matchOdd(_ count: Int) {
      oddTarget.update(repeating: -1, count: odd)
      let first = image.prefix / 2
      let firstEven = (image.prefix + 1) / 2
      // A remaining one, if all similarities are NaN.
      let left = (firstEven..<even).first { evenTarget[$0] < 0 } ?? firstEven
      partner.update(repeating: Int32(left), count: odd)
      maxima.update(repeating: -.infinity, count: odd)
      for i in firstEven..<even where evenTarget[i] < 0 {
        lab_update_maxima(W + i * odd, odd, Int32(i), maxima, partner)
      }
      image.rank(maxima, count: odd - first, from: first, into: order)
      for rank in 0..<count { oddTarget[Int(order[rank])] = partner[Int(order[rank])] }
    }

    /// The remaining even tokens in ascending order, then the remaining odd ones by their best
    /// similarity.
    func write() {
      var list = image.list()
      for i in ((image.prefix + 1) / 2)..<even where evenTarget[i] < 0 {
        list.append(2 * i)
        for j in 0..<odd where Int(oddTarget[j]) == i { addOdd(j, to: &list) }
      }
      let first = image.prefix / 2
      for rank in 0..<(odd - first) where oddTarget[Int(order[rank])] < 0 {
        list.begin()
        addOdd(Int(order[rank]), to: &list)
      }
      list.end()
    }

    /// An odd token with the tokens merged into it.
    private func addOdd(_ j: Int, to list: inout SourceList) {
      list.add(2 * j + 1)
      for i in 0..<even where Int(evenTarget[i]) == j { list.add(2 * i) }
    }
  }
}

/// Some rows of the maps of all heads for groups of tokens.
private struct FoldWork: ImageWork {
  let image: ImageStep
  let map: UnsafePointer<Float>
  let folding: lab_folding
  let weights: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>

  var items: Int { image.heads * image.tokensOut }
  var grain: Int { 32 }

  func run(_ rows: Range<Int>) {
    let (n, m) = (image.tokensIn, image.tokensOut)
    var folding = folding
    for row in rows {
      let (head, group) = (row / m, row % m)
      let members = Int(image.offsets[group])..<Int(image.offsets[group + 1])
      var sum: Float = 0
      for member in members { sum += weights[Int(image.sources[member])] }
      for member in members {
        let source = Int(image.sources[member])
        lab_fold_row(
          map + (head * n + source) * n, &folding,
          members.count == 1 ? 1 : weights[source] / sum, member > members.lowerBound ? 1 : 0,
          output + row * m)
      }
    }
  }
}
