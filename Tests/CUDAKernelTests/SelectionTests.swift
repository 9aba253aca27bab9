import CPUBackend
import Tensors
import Testing
import _TestSupport

/// Kernels of selection.cu and assemble.cu: the same tokens, in the same order, as on the
/// processor.
@Suite struct KernelSelectionTests {
  private let backend: CPUBackend
  private let batch = 2

  init() throws {
    backend = try CPUBackend(threads: 1)
    try backend.reserve(
      ScratchLimits(
        embedDim: 64, hiddenDim: 1, patchValues: 1, tokens: 1400, heads: 1, batchSize: 2))
  }

  private struct Lists: Equatable {
    var offsets: [Int]
    var sources: [Int]
  }

  private func onProcessor(
    _ tokens: Int, _ tokensOut: Int, _ body: (TokenAssignment) throws -> Void
  ) throws -> Lists {
    let assignment = try makeAssignment(tokens, tokensOut)
    try body(assignment)
    return Lists(
      offsets: backend.indices(assignment.offsets), sources: backend.indices(assignment.sources))
  }

  private func makeAssignment(_ tokens: Int, _ tokensOut: Int) throws -> TokenAssignment {
    TokenAssignment(
      offsets: try backend.allocate(Shape(batch, tokens + 1), .int32),
      sources: try backend.allocate(Shape(batch, tokens), .int32), batchSize: batch,
      tokensIn: tokens, tokensOut: tokensOut)
  }

  /// Every third score stands twice, and both zeros are there.
  private func tiedScores(_ tokens: Int) -> [Float] {
    var scores = randomFloats(batch * tokens, seed: 3)
    for index in stride(from: 0, to: scores.count, by: 3) {
      scores[index] = scores[(index * 7) % scores.count]
    }
    scores[tokens - 1] = 0
    scores[tokens / 2] = -0.0
    return scores
  }

  private func metric(_ tokens: Int, _ width: Int) -> [Float] {
    // Some tokens are equal, so that similarities tie.
    var values = randomFloats(batch * tokens * width, seed: 4)
    for token in stride(from: 6, to: tokens, by: 5) {
      for c in 0..<width { values[token * width + c] = values[(token - 3) * width + c] }
    }
    return values
  }

  @Test(arguments: NotNumbers.allCases, [(7, 1), (38, 2), (198, 5)])
  func `what is not a number is ranked and matched as on the processor`(
    kind: NotNumbers, size: (tokens: Int, prefix: Int)
  ) throws {
    let (tokens, prefix) = size
    let scores = kind.values(batch * tokens, seed: 1)
    for fuse in [false, true] {
      try expectSelection(scores, prefix: prefix, keep: tokens / 3, fuse: fuse, .shuffled)
    }
    // Sums of a few equal or infinite products are the same in any order.
    let keys = kind.values(batch * tokens * 16, seed: 2)
    for keep in [1, tokens / 2] { try expectMatching(scores, keys, 16, prefix, keep) }
    for r in [1, (tokens - prefix) / 2] {
      try expectPairs(keys, tokens: tokens, prefix: prefix, r: r)
    }
  }

  @Test(arguments: [9, 197, 1370], Order.allCases)
  func `the best stay in descending order, ties by the lower index`(
    tokens: Int, order: Order
  ) throws {
    for fuse in [false, true] {
      try expectSelection(tiedScores(tokens), prefix: 2, keep: tokens / 3, fuse: fuse, order)
    }
  }

  private func expectSelection(
    _ scores: [Float], prefix: Int, keep: Int, fuse: Bool, _ order: Order
  ) throws {
    let tokens = scores.count / batch
    let tokensOut = prefix + keep + (fuse ? 1 : 0)
    let expected = try onProcessor(tokens, tokensOut) {
      backend.selectTokens(
        try backend.tensor(scores, Shape(batch, tokens)), prefixTokens: prefix, keep: keep,
        fuse: fuse, into: $0)
    }
    let offsets = Buffer(count: batch * (tokensOut + 1))
    let sources = Buffer(count: batch * tokens)
    try launch(
      "select_tokens", grid: (parts(tokens, 64), batch, 1), block: 256, shared: 4 * tokens,
      order: order, .buffer(Buffer(scores)), .int(prefix), .int(tokens), .int(tokensOut),
      .int(fuse ? 1 : 0), .buffer(offsets), .buffer(sources))
    #expect(Lists(offsets: offsets.integers, sources: sources.integers) == expected)
  }

  @Test(arguments: [9, 140], [(16, 0), (64, 3)])
  func `removed tokens go to the kept patch with the closest key`(
    tokens: Int, size: (width: Int, prefix: Int)
  ) throws {
    let (width, prefix) = size
    let (scores, keys) = (tiedScores(tokens), metric(tokens, width))
    for keep in [1, tokens / 2, tokens - prefix] {
      try expectMatching(scores, keys, width, prefix, keep)
    }
  }

  private func expectMatching(
    _ scores: [Float], _ keys: [Float], _ width: Int, _ prefix: Int, _ keep: Int
  ) throws {
    let tokens = scores.count / batch
    let first = prefix + keep
    let expected = try onProcessor(tokens, first) {
      backend.selectAndMatch(
        try backend.tensor(scores, Shape(batch, tokens)),
        metric: try backend.tensor(keys, Shape(batch, tokens, width)), prefixTokens: prefix,
        keep: keep, into: $0)
    }
    let (ranked, partner) = (Buffer(count: batch * tokens), Buffer(count: batch * tokens))
    let offsets = Buffer(count: batch * (first + 1))
    let sources = Buffer(count: batch * tokens)
    try launch(
      "select_tokens", grid: (parts(tokens, 64), batch, 1), block: 256, shared: 4 * tokens,
      .buffer(Buffer(scores)), .int(prefix), .int(tokens), .int(tokens), .int(0), .buffer(nil),
      .buffer(ranked))
    if first < tokens {
      try launch(
        "match_kept", grid: (parts(tokens - first, 16), batch, 1), block: 256,
        shared: 320 * (width + 1), order: .shuffled, .buffer(Buffer(keys)), .buffer(ranked),
        .int(first), .int(prefix), .int(tokens), .int(width), .buffer(partner))
    }
    try launch(
      "kept_lists", grid: (batch, 1, 1), block: 256, shared: 4 * (tokens + 16),
      order: .backward, .buffer(ranked), .buffer(partner), .int(first), .int(tokens),
      .buffer(offsets), .buffer(sources))
    #expect(Lists(offsets: offsets.integers, sources: sources.integers) == expected)
  }

  @Test(arguments: [(7, 2, 2), (38, 1, 9), (197, 2, 16), (198, 5, 96), (60, 0, 30), (600, 1, 299)])
  func `bipartite matching merges the processor's pairs`(
    size: (tokens: Int, prefix: Int, r: Int)
  ) throws {
    try expectPairs(metric(size.tokens, 16), tokens: size.tokens, prefix: size.prefix, r: size.r)
  }

  private func expectPairs(_ keys: [Float], tokens: Int, prefix: Int, r: Int) throws {
    let (width, even) = (16, (tokens + 1) / 2)
    let nodeMaximum = try backend.allocate(Shape(batch, even), .float32)
    let expected = try onProcessor(tokens, tokens - r) {
      backend.matchBipartite(
        try backend.tensor(keys, Shape(batch, tokens, width)), prefixTokens: prefix, r: r,
        nodeMaximum: nodeMaximum, into: $0)
    }
    let (maxima, partner) = (Buffer(count: batch * even), Buffer(count: batch * even))
    try launch(
      "match_bipartite", grid: (parts(even, 16), batch, 1), block: 256,
      shared: 320 * (width + 1), order: .shuffled, .buffer(Buffer(keys)), .int(prefix),
      .int(tokens), .int(width), .buffer(maxima), .buffer(partner))
    let best = maxima.values
    for (index, value) in backend.values(nodeMaximum).enumerated() {
      #expect(best[index] == value || abs(best[index] - value) < 1e-5)
    }
    for order in Order.allCases {
      let offsets = Buffer(count: batch * (tokens - r + 1))
      let sources = Buffer(count: batch * tokens)
      try launch(
        "bipartite_lists", grid: (batch, 1, 1), block: 256, shared: 4 * (3 * even + 16),
        order: order, .buffer(maxima), .buffer(partner), .int(prefix), .int(tokens), .int(r),
        .buffer(offsets), .buffer(sources))
      #expect(Lists(offsets: offsets.integers, sources: sources.integers) == expected)
    }
  }

  @Test(arguments: [20, 136], Precision.allCases)
  func `assembled tokens are the processor's for every weighting`(
    width: Int, precision: Precision
  ) throws {
    let tokens = 40
    // One token copied, a pair, many at once, again one, and the rest at the end.
    let starts = [0, 1, 3, 15, 16, 40]
    let dropped = [0, 1, 3, 15, 16, 17]
    let values = randomFloats(batch * tokens * width, seed: 1).map(precision.rounded)
    let scores = randomFloats(batch * tokens, seed: 2).map { abs($0) }
    let sizes = (0..<(batch * tokens)).map { Float($0 % 3 + 1) }
    let sources = (0..<(batch * tokens)).map { Int32($0 * 7 % tokens) }
    for offsets in [starts, dropped] {
      let all = (offsets + offsets).map(Int32.init)
      let tokensOut = offsets.count - 1
      for (mode, weighting) in [TokenWeighting.mean, .size, .score].enumerated() {
        for isSized in weighting == .size ? [true] : [false, true] {
          let expected = try assembleOnProcessor(
            values, all, sources, weighting, scores, isSized ? sizes : nil, width)
          for (index, fusedBlocks) in [0, parts(width, 64)].enumerated() {
            let output = Buffer(count: batch * tokensOut * width, precision)
            let outputSizes = isSized ? Buffer(count: batch * tokensOut) : nil
            try launch(
              "assemble_\(precision)",
              grid: (parts(tokensOut - (fusedBlocks > 0 ? 1 : 0), 8) + fusedBlocks, batch, 1),
              block: 256, shared: 2112, order: Order.allCases[index + 1],
              .buffer(Buffer(values, precision)), .buffer(Buffer(integers: all)),
              .buffer(Buffer(integers: sources)), .int(mode), .buffer(Buffer(scores)),
              .buffer(isSized ? Buffer(sizes) : nil), .buffer(output), .buffer(outputSizes),
              .int(tokens), .int(tokensOut), .int(width), .int(fusedBlocks))
            #expect(
              largestDifference(output.values, expected.tokens) < max(5e-6, 16 * precision.epsilon))
            if let outputSizes { #expect(outputSizes.values.map(Double.init) == expected.sizes) }
          }
        }
      }
    }
  }

  private func assembleOnProcessor(
    _ values: [Float], _ offsets: [Int32], _ sources: [Int32], _ weighting: TokenWeighting,
    _ scores: [Float], _ sizes: [Float]?, _ width: Int
  ) throws -> (tokens: [Double], sizes: [Double]) {
    let (tokens, tokensOut) = (sources.count / batch, offsets.count / batch - 1)
    let assignment = try makeAssignment(tokens, tokensOut)
    assignment.offsets.integers.update(from: offsets, count: offsets.count)
    assignment.sources.integers.update(from: sources, count: sources.count)
    let output = try backend.allocate(Shape(batch, tokensOut, width), .float32)
    let outputSizes = try sizes.map { _ in
      try backend.allocate(Shape(batch, tokensOut), .float32)
    }
    backend.assemble(
      try backend.tensor(values, Shape(batch, tokens, width)), assignment, weighting: weighting,
      scores: try backend.tensor(scores, Shape(batch, tokens)),
      sizes: try sizes.map { try backend.tensor($0, Shape(batch, tokens)) }, into: output,
      outputSizes: outputSizes)
    return (
      backend.values(output).map(Double.init),
      outputSizes.map { backend.values($0).map(Double.init) } ?? []
    )
  }
}
