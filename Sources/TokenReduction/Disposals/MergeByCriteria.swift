import Records

/// MCTF: pairs by likeness, little attention and small size are merged before attention multiplies
/// the values, half of them each way.
///
/// `W_ij = ((cos_ij + 1) / 2)^(1/τ₁) · (a_i a_j)^(1/τ₂) · (s_i s_j)^(1/τ₃)` of the block's input, a
/// the inverse of the mean attention received and s that of the size, each of maximum 1. First the
/// r/2 best even tokens go into odd ones, then from the same W the rest of the odd ones into the
/// even ones that are left. Groups are means by size; the map's columns add up and its rows are
/// averaged alike. Source: Lee et al., "Multi-criteria Token Fusion", CVPR 2024; its evaluation
/// weighs by size alone, `"pool": "attention_size"` by attention times size.
package struct MergeByCriteria: TokenDisposal {
  package static let name = "merge_by_criteria"
  package static let summary =
    "merges pairs by likeness, little attention and small size before attention is applied"
  package static let parameters = [
    MethodParameter(
      "tau_similarity", tau, default: .number(1), "temperature of the likeness"),
    MethodParameter("tau_attention", tau, default: .number(20), "temperature of the attention"),
    MethodParameter("tau_size", tau, default: .number(40), "temperature of the size"),
    MethodParameter(
      "pool", .choice(["size", "attention_size"]), default: .string("size"),
      "what the tokens of a group are weighed by"),
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
    return n * extent.width + ((n + 1) / 2) * (n / 2) + 5 * n
  }

  package func reduce(_ image: ImageStep) {
    let n = image.tokensIn
    let factors = image.scratch
    let received = factors + n
    writeFactors(image, factors, received)
    let matching = Matching(image, W: received + 4 * n, maxima: received + n)
    writeWeights(image, matching, factors, directions: matching.W + matching.even * matching.odd)
    let r = n - image.tokensOut
    matching.matchEven(r / 2)
    matching.matchOdd(r - r / 2)
    matching.write()
    let weights = received + 3 * n
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
    received.update(repeating: 0, count: n)
    for row in 0..<(image.heads * n) { add(1, map + row * n, to: received, n) }
    scale(received, by: 1 / Float(image.heads * n), n)
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
    _ image: ImageStep, _ matching: Matching, _ factors: UnsafePointer<Float>,
    directions: UnsafeMutablePointer<Float>
  ) {
    let c = image.width
    for token in 0..<image.tokensIn {
      (directions + token * c).update(from: image.token(token), count: c)
      normalize(directions + token * c, c)
    }
    for i in 0..<matching.even {
      for j in 0..<matching.odd {
        let (a, b) = (2 * i, 2 * j + 1)
        let cosine = dot(directions + a * c, directions + b * c, c)
        let likeness = max(0, (cosine + 1) / 2)
        matching.W[i * matching.odd + j] =
          a < image.prefix || b < image.prefix
          ? -.infinity
          : (exponents[0] == 1 ? likeness : power(likeness, exponents[0])) * factors[a] * factors[b]
      }
    }
  }

  /// Columns of a group add up, rows are averaged by weight: [H, N, N] to [H, N', N'].
  private func reduceMap(_ image: ImageStep, _ weights: UnsafePointer<Float>) {
    guard let map = image.map, let output = image.outputMap else { return }
    let (n, m) = (image.tokensIn, image.tokensOut)
    for head in 0..<image.heads {
      for row in 0..<m {
        let target = output + (head * m + row) * m
        target.update(repeating: 0, count: m)
        let members = Int(image.offsets[row])..<Int(image.offsets[row + 1])
        var sum: Float = 0
        for member in members { sum += weights[Int(image.sources[member])] }
        for member in members {
          let source = Int(image.sources[member])
          let share = members.count == 1 ? 1 : weights[source] / sum
          let entries = map + (head * n + source) * n
          for column in 0..<m {
            for place in Int(image.offsets[column])..<Int(image.offsets[column + 1]) {
              target[column] += share * entries[Int(image.sources[place])]
            }
          }
        }
      }
    }
  }

  /// The two rounds of pairs.
  private struct Matching {
    let image: ImageStep
    let even: Int
    let odd: Int
    /// [even, odd].
    let W: UnsafeMutablePointer<Float>
    let maxima: UnsafeMutablePointer<Float>

    /// The even token's group: itself, or the odd token that it went into.
    var evenTarget: UnsafeMutablePointer<Int32> { image.integers }
    /// The even token that an odd one went into, or −1.
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

    /// Gives the best `count` even tokens to odd ones.
    func matchEven(_ count: Int) {
      evenTarget.update(repeating: -1, count: even)
      // Special tokens never receive, not even where no likeness is a number.
      let oddPrefix = image.prefix / 2
      for i in 0..<even {
        let row = W + i * odd + oddPrefix
        let (best, largest) = mostSimilar(of: odd - oddPrefix) { row[$0] }
        (partner[i], maxima[i]) = (best + Int32(oddPrefix), largest)
      }
      let first = (image.prefix + 1) / 2
      sortDescending(order, count: even - first, by: maxima, from: first)
      for rank in 0..<count { evenTarget[Int(order[rank])] = partner[Int(order[rank])] }
    }

    /// Gives the best `count` odd tokens to even ones that are left.
    func matchOdd(_ count: Int) {
      oddTarget.update(repeating: -1, count: odd)
      let first = image.prefix / 2
      let firstEven = (image.prefix + 1) / 2
      for j in first..<odd {
        // One that is left where no similarity is a number.
        var (best, largest) = (Int32(-1), -Float.infinity)
        for i in firstEven..<even where evenTarget[i] < 0 {
          let value = W[i * odd + j]
          if best < 0 || value > largest { (best, largest) = (Int32(i), value) }
        }
        (partner[j], maxima[j]) = (best, largest)
      }
      sortDescending(order, count: odd - first, by: maxima, from: first)
      for rank in 0..<count { oddTarget[Int(order[rank])] = partner[Int(order[rank])] }
    }

    /// What is left of the even tokens ascending, then of the odd ones by their best likeness.
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

    /// An odd token with what it received.
    private func addOdd(_ j: Int, to list: inout SourceList) {
      list.add(2 * j + 1)
      for i in 0..<even where Int(evenTarget[i]) == j { list.add(2 * i) }
    }
  }
}
