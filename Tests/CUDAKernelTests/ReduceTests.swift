import CPUBackend
import Tensors
import Testing
import _TestSupport

/// The kernel of reduce.cu gives what the processor's operations give one after another.
@Suite struct ReduceTests {
  private let backend: CPUBackend
  private let batch = 2

  init() throws {
    backend = try CPUBackend(threads: 1)
    try backend.reserve(
      ScratchLimits(
        embedDim: 136, hiddenDim: 1, patchValues: 1, tokens: 600, heads: 1, batchSize: 2))
  }

  /// What a step gives.
  private struct Outcome {
    var tokens: [Float]
    var scores: [Float]
    var offsets: [Int]
    var sources: [Int]
  }

  private struct Step {
    let tokens: Int
    let prefix: Int
    let keep: Int
    let fuse: Bool
    let width: Int
    var tokensOut: Int { prefix + keep + (fuse ? 1 : 0) }
  }

  /// Where the scores come from.
  private enum Source: CaseIterable { case given, attention, features, both }

  private func onProcessor(
    _ step: Step, _ stream: [Float], _ score: ScoreOrigin, _ scores: Tensor,
    _ weighting: TokenWeighting
  ) throws -> Outcome {
    let assignment = TokenAssignment(
      offsets: try backend.allocate(Shape(batch, step.tokensOut + 1), .int32),
      sources: try backend.allocate(Shape(batch, step.tokens), .int32), batchSize: batch,
      tokensIn: step.tokens, tokensOut: step.tokensOut)
    let output = try backend.allocate(Shape(batch, step.tokensOut, step.width), .float32)
    backend.reduceByParts(
      TokenSelection(
        stream: try backend.tensor(stream, Shape(batch, step.tokens, step.width)), score: score,
        scores: scores, prefixTokens: step.prefix, keep: step.keep, fuse: step.fuse,
        weighting: weighting, assignment: assignment, output: output))
    return Outcome(
      tokens: backend.values(output), scores: backend.values(scores),
      offsets: backend.indices(assignment.offsets), sources: backend.indices(assignment.sources))
  }

  @Test(arguments: [(11, 1, 20), (197, 2, 136), (510, 5, 72)], Precision.allCases)
  func `scores, ranks and new tokens are the processor's`(
    size: (tokens: Int, prefix: Int, width: Int), precision: Precision
  ) throws {
    let (tokens, prefix, width) = size
    let rowBlocks = 3
    let stream = randomFloats(batch * tokens * width, seed: 1).map(precision.rounded)
    // Every third score stands twice.
    var given = randomFloats(batch * tokens, seed: 2).map { abs($0) }
    for index in stride(from: 0, to: given.count, by: 3) { given[index] = given[index / 2] }
    // Exact sums, so that equal scores are equal on both.
    let partials = (0..<(batch * rowBlocks * tokens)).map { Float($0 * 37 % 101 + 1) / 8 }
    let received = (0..<(batch * tokens)).map { place in
      (0..<rowBlocks).reduce(Float(0)) {
        $0 + partials[(place / tokens * rowBlocks + $1) * tokens + place % tokens]
      } / 2
    }
    let features = randomFloats(batch * tokens, seed: 4).map { 3 * $0 }
    for (index, source) in Source.allCases.enumerated() {
      for fuse in [false, true] {
        let step = Step(
          tokens: tokens, prefix: prefix, keep: tokens / 2, fuse: fuse, width: width)
        let (sums, held) = (
          source == .attention || source == .both, source == .features || source == .both
        )
        let weighting: TokenWeighting = fuse && source == .given ? .score : .mean
        let featureScores = try backend.tensor(features, Shape(batch, tokens))
        // The features are written already: what makes them is left out.
        let scores = try backend.tensor(given, Shape(batch, tokens))
        if source != .given {
          backend.combineScores(
            attention: sums ? try backend.tensor(received, Shape(batch, tokens)) : nil,
            features: held ? featureScores : nil, prefixTokens: prefix, normalization: .image,
            into: scores)
        }
        let expected = try onProcessor(step, stream, .given, scores, weighting)
        let fused = fuse ? parts(width, 64) : 0
        let foundScores = source == .given ? Buffer(given) : Buffer(count: batch * tokens)
        let (offsets, sources, output) = (
          Buffer(count: batch * (step.tokensOut + 1)), Buffer(count: batch * tokens),
          Buffer(count: batch * step.tokensOut * width, precision)
        )
        try launch(
          "reduce_tokens_\(precision)",
          grid: (parts(step.tokensOut - (fuse ? 1 : 0), 8) + fused, batch, 1), block: 256,
          shared: 2112 + 12 * (parts(tokens, 4) * 4), order: Order.allCases[index % 3],
          .buffer(Buffer(stream, precision)), .buffer(foundScores),
          .buffer(sums ? Buffer(partials) : nil), .int(rowBlocks), .int(2),
          .buffer(held ? Buffer(features) : nil), .int(prefix), .int(tokens),
          .int(step.tokensOut), .int(weighting == .score ? 2 : 0), .buffer(offsets),
          .buffer(sources), .buffer(output), .int(width), .int(fused))
        #expect(offsets.integers == expected.offsets)
        #expect(sources.integers == expected.sources)
        #expect(largestDifference(foundScores.values, expected.scores.map(Double.init)) < 1e-6)
        let tolerance = max(2e-5, 64 * precision.epsilon)
        #expect(
          largestDifference(output.values, expected.tokens.map(Double.init)) < tolerance)
      }
    }
  }

  @Test(arguments: NotNumbers.allCases, [false, true])
  func `scores that are not numbers leave every token its place`(
    kind: NotNumbers, fuse: Bool
  ) throws {
    let (tokens, prefix, width) = (198, 2, 16)
    let step = Step(tokens: tokens, prefix: prefix, keep: 70, fuse: fuse, width: width)
    let given = kind.values(batch * tokens, seed: 5)
    let stream = randomFloats(batch * tokens * width, seed: 6)
    let expected = try onProcessor(
      step, stream, .given, try backend.tensor(given, Shape(batch, tokens)), .mean)
    let fused = fuse ? parts(width, 64) : 0
    let (offsets, sources, output) = (
      Buffer(count: batch * (step.tokensOut + 1)), Buffer(count: batch * tokens),
      Buffer(count: batch * step.tokensOut * width)
    )
    try launch(
      "reduce_tokens_f32", grid: (parts(step.tokensOut - (fuse ? 1 : 0), 8) + fused, batch, 1),
      block: 256, shared: 2112 + 12 * (parts(tokens, 4) * 4), order: .shuffled,
      .buffer(Buffer(stream)), .buffer(Buffer(given)), .buffer(nil), .int(0), .int(1),
      .buffer(nil), .int(prefix), .int(tokens), .int(step.tokensOut), .int(0), .buffer(offsets),
      .buffer(sources), .buffer(output), .int(width), .int(fused))
    #expect(offsets.integers == expected.offsets)
    #expect(sources.integers == expected.sources)
    #expect(largestDifference(output.values, expected.tokens.map(Double.init)) < 2e-5)
  }

  @Test(.unlessSanitized) func `without its barriers a step is found to be wrong`() throws {
    let tokens = 200
    let scores = (0..<tokens).map { Float($0 * 37 % 200) }
    func sources(_ kernel: String, _ order: Order) throws -> [Int] {
      let sources = Buffer(count: tokens)
      try launch(
        kernel, grid: (13, 1, 1), block: 256, shared: 2112 + 12 * tokens, order: order,
        .buffer(Buffer(count: tokens * 8)), .buffer(Buffer(scores)), .buffer(nil), .int(0),
        .int(1), .buffer(nil), .int(1), .int(tokens), .int(100), .int(0),
        .buffer(Buffer(count: 101)), .buffer(sources), .buffer(Buffer(count: 800)), .int(8),
        .int(0))
      return sources.integers
    }
    let right = try sources("reduce_tokens_f32", .forward)
    let wrong = Order.allCases.count { order in
      (try? sources("fault_without_barriers_reduce_tokens_f32", order)) != right
    }
    // A kernel that cannot be launched is wrong in every order, and has found nothing.
    #expect((1...Order.allCases.count).contains(wrong))
  }
}
