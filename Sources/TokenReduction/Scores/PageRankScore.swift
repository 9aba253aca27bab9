import CKernels
import Records

/// Importance by iterated votes of the attention map: `s ← Aᵀ s`, per head and starting uniform,
/// then `sqrt(Σ_h s_h² / count)` over the heads whose scores vary neither too little nor too much.
///
/// With Σ s = 1 no variance of N scores could reach the published 0.01, so s is N times that here:
/// its mean over all tokens is 1. The class token's first vote weighs √N. If no head is left, all
/// heads count. Source: Wang et al., "Zero-TPrune", CVPR 2024, sections 3.2 and 3.3; the authors
/// published no code.
package struct PageRankScore: TokenScore {
  package static let name = "page_rank"
  package static let summary = "importance by repeated votes of the attention map"
  package static let parameters = [
    MethodParameter(
      "iterations", .integer(minimum: 1, maximum: 1000), otherwise: "30, 5 or 1 by depth",
      "votes: 30 in the first quarter of the blocks, 5 in the middle, 1 in the last quarter"),
    MethodParameter(
      "head_filter", .boolean, default: .boolean(true),
      "whether heads whose variance is outside [0.01, 0.7] are left out"),
  ]

  /// `nil` lets the block decide.
  package let iterations: Int?
  package let filtersHeads: Bool

  package init(iterations: Int? = nil, filtersHeads: Bool = true) {
    self.iterations = iterations
    self.filtersHeads = filtersHeads
  }

  package init(_ values: ParameterValues) {
    iterations = values.has("iterations") ? values.integer("iterations") : nil
    filtersHeads = values.boolean("head_filter")
  }

  package var inputs: ReductionInputs { ReductionInputs(map: true) }

  /// Votes of every head, and the next ones.
  package func scratchFloats(_ extent: StepExtent) -> Int {
    2 * extent.heads * extent.step.tokensIn
  }

  package func writeScores(_ image: ImageStep) {
    let (block, depth) = (image.extent.step.block, image.extent.geometry.depth)
    let byDepth = 4 * block < depth ? 30 : 4 * block < 3 * depth ? 5 : 1
    write(image, iterations: iterations ?? byDepth, into: image.scores, scratch: image.scratch)
  }

  /// The score of every token, including the prefix, after a number of votes.
  func write(
    _ image: ImageStep, iterations: Int, into scores: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard let map = image.map else { return }
    let n = image.tokensIn
    image.share(VoteWork(image: image, map: map, iterations: iterations, votes: scratch)) {
      VoteWork.enter($0, $1)
    }
    let all = scratch + image.heads * n
    scores.update(repeating: 0, count: n)
    all.update(repeating: 0, count: n)
    var counted: Float = 0
    for head in 0..<image.heads {
      let votes = scratch + head * n
      var variance: Float = 0
      for token in 0..<n { variance += (votes[token] - 1) * (votes[token] - 1) }
      variance /= Float(n)
      let counts = !filtersHeads || (variance >= 0.01 && variance <= 0.7)
      if counts { counted += 1 }
      for token in 0..<n {
        let square = votes[token] * votes[token]
        all[token] += square
        if counts { scores[token] += square }
      }
    }
    for token in 0..<n {
      let mean = counted > 0 ? scores[token] / counted : all[token] / Float(image.heads)
      scores[token] = mean.squareRoot()
    }
  }
}

/// The votes of some heads, with a mean of 1.
private struct VoteWork: ImageWork {
  let image: ImageStep
  let map: UnsafePointer<Float>
  let iterations: Int
  /// [H, N], and as many numbers behind them.
  let votes: UnsafeMutablePointer<Float>

  var items: Int { image.heads }
  var grain: Int { 1 }

  func run(_ heads: Range<Int>) {
    let n = image.tokensIn
    for head in heads {
      var (own, next) = (votes + head * n, votes + (image.heads + head) * n)
      // So that the last votes are written to the head's place.
      if !iterations.isMultiple(of: 2) { swap(&own, &next) }
      own.update(repeating: 1, count: n)
      if image.prefix > 0 { own[0] = Float(n).squareRoot() }
      for _ in 0..<iterations {
        lab_vote(map + head * n * n, n, own, next)
        swap(&own, &next)
      }
      var sum: Float = 0
      for token in 0..<n { sum += own[token] }
      lab_scale(own, Float(n) / sum, n)
    }
  }
}
