import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// Selecting and matching tokens with NaN, infinite or equal scores and keys.
@Suite struct NaNTests {
  private let backend: CPUBackend

  init() throws {
    backend = try CPUBackend(threads: 2)
    try backend.reserve(
      ScratchLimits(
        embedDim: 8, hiddenDim: 1, patchValues: 1, tokens: 400, heads: 1, batchSize: 2))
  }

  static let sizes = [(tokens: 7, prefix: 1), (38, 2), (197, 1), (198, 5), (60, 0)]

  private func assignment(_ before: Int, _ after: Int) throws -> TokenAssignment {
    TokenAssignment(
      offsets: try backend.allocate(Shape(2, before + 1), .int32),
      sources: try backend.allocate(Shape(2, before), .int32), batchSize: 2, tokensIn: before,
      tokensOut: after)
  }

  /// Every token is a source exactly once, and prefix tokens come first on their own.
  private func expectWhole(_ assignment: TokenAssignment, prefix: Int, isMerged: Bool) {
    let (before, after) = (assignment.tokensIn, assignment.tokensOut)
    let (offsets, sources) = (
      backend.indices(assignment.offsets), backend.indices(assignment.sources)
    )
    for image in 0..<2 {
      let starts = Array(offsets[(image * (after + 1))..<((image + 1) * (after + 1))])
      let all = Array(sources[(image * before)..<((image + 1) * before)])
      #expect(all.sorted() == Array(0..<before))
      #expect(starts == starts.sorted() && starts[0] == 0)
      #expect(Array(starts[0...prefix]) == Array(0...prefix))
      #expect(Array(all[0..<prefix]) == Array(0..<prefix))
      if isMerged {
        #expect(starts[after] == before)
        #expect(zip(starts, starts.dropFirst()).allSatisfy(<))
      }
    }
  }

  @Test(arguments: NotNumbers.allCases, sizes)
  func `selection keeps the promised counts`(kind: NotNumbers, size: (tokens: Int, prefix: Int))
    throws
  {
    let (tokens, prefix) = size
    let scores = try backend.tensor(
      kind.values(2 * tokens, seed: 1), Shape(2, tokens))
    for keep in [1, (tokens - prefix) / 2, tokens - prefix - 1] {
      for fuse in [false, true] {
        let chosen = try assignment(tokens, prefix + keep + (fuse ? 1 : 0))
        backend.selectTokens(scores, prefixTokens: prefix, keep: keep, fuse: fuse, into: chosen)
        expectWhole(chosen, prefix: prefix, isMerged: fuse)
      }
    }
  }

  @Test(arguments: NotNumbers.allCases, sizes)
  func `matching keeps the promised counts`(kind: NotNumbers, size: (tokens: Int, prefix: Int))
    throws
  {
    let (tokens, prefix) = size
    let width = 4
    let keys = try backend.tensor(
      kind.values(2 * tokens * width, seed: 2), Shape(2, tokens, width))
    let scores = try backend.tensor(kind.values(2 * tokens, seed: 3), Shape(2, tokens))
    for r in [1, (tokens - prefix) / 4, (tokens - prefix) / 2] {
      let pairs = try assignment(tokens, tokens - r)
      backend.matchBipartite(
        keys, prefixTokens: prefix, r: r,
        nodeMaximum: try backend.allocate(Shape(2, (tokens + 1) / 2), .float32), into: pairs)
      expectWhole(pairs, prefix: prefix, isMerged: true)
      let kept = try assignment(tokens, tokens - r)
      backend.selectAndMatch(
        scores, metric: keys, prefixTokens: prefix, keep: tokens - prefix - r, into: kept)
      expectWhole(kept, prefix: prefix, isMerged: true)
    }
  }

  @Test func `NaN of either sign counts as -infinity, and ties go to the lower index`()
    throws
  {
    let scores: [Float] = [1, -.nan, .infinity, .nan, -.infinity, -3, .infinity, .nan]
    let chosen = try assignment(8, 8)
    backend.selectTokens(
      try backend.tensor(scores + scores, Shape(2, 8)), prefixTokens: 0, keep: 8, fuse: false,
      into: chosen)
    #expect(Array(backend.indices(chosen.sources)[..<8]) == [2, 6, 0, 5, 1, 3, 4, 7])
  }

  @Test func `NaN keys merge the first patch tokens and never the class token`()
    throws
  {
    let merged = try assignment(7, 5)
    backend.matchBipartite(
      try backend.tensor([Float](repeating: .nan, count: 2 * 7 * 2), Shape(2, 7, 2)),
      prefixTokens: 1, r: 2, nodeMaximum: try backend.allocate(Shape(2, 4), .float32),
      into: merged)
    // Tokens 2 and 4 are merged into 1, the first odd one; 0 is a prefix token.
    #expect(Array(backend.indices(merged.offsets)[..<6]) == [0, 1, 2, 5, 6, 7])
    #expect(Array(backend.indices(merged.sources)[..<7]) == [0, 6, 1, 2, 4, 3, 5])
  }
}
