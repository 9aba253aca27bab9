import Foundation
import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// Selecting and assembling tokens, on cases worked by hand.
@Suite struct SelectionTests {
  private let backend: CPUBackend

  init() throws {
    backend = try CPUBackend(threads: 2)
    try backend.reserve(
      ScratchLimits(
        embedDim: 2, hiddenDim: 1, patchValues: 1, tokens: 400, heads: 1, batchSize: 2))
  }

  private func assignment(_ before: Int, _ after: Int, batch: Int = 1) throws -> TokenAssignment {
    TokenAssignment(
      offsets: try backend.allocate(Shape(batch, before + 1), .int32),
      sources: try backend.allocate(Shape(batch, before), .int32), batchSize: batch,
      tokensIn: before, tokensOut: after)
  }

  @Test func `the highest scores are kept in descending order, ties by the lower index`() throws {
    let scores: [Float] = [9, 0.5, 0.25, 0.5, -1, 0.75, -0, 0]
    let kept = try assignment(8, 4)
    backend.selectTokens(
      try backend.tensor(scores, Shape(1, 8)), prefixTokens: 1, keep: 3, fuse: false, into: kept)
    #expect(backend.indices(kept.offsets) == [0, 1, 2, 3, 4])
    #expect(backend.indices(kept.sources) == [0, 5, 1, 3, 2, 6, 7, 4])
  }

  @Test func `fusing combines the rest into one token`() throws {
    let tokens = (0..<6).flatMap { [Float($0), Float($0 * $0)] }
    let fused = try assignment(6, 4)
    let scores = try backend.tensor([0, 1, 5, 2, 4, 3], Shape(1, 6))
    backend.selectTokens(scores, prefixTokens: 1, keep: 2, fuse: true, into: fused)
    let output = try backend.allocate(Shape(1, 4, 2), .float32)
    let input = try backend.tensor(tokens, Shape(1, 6, 2))

    backend.assemble(
      input, fused, weighting: .mean, scores: scores, sizes: nil, into: output, outputSizes: nil)
    // Tokens 2 and 4 are kept; 5, 3 and 1 become their mean.
    #expect(backend.values(output) == [0, 0, 2, 4, 4, 16, 3, 35.0 / 3])

    backend.assemble(
      input, fused, weighting: .score, scores: scores, sizes: nil, into: output, outputSizes: nil)
    // EViT's sum is not divided by the weights' sum: 3·5 + 2·3 + 1·1.
    #expect(largestDifference(backend.values(output)[6...], [22, 3 * 25 + 2 * 9 + 1]) < 1e-5)
  }

  @Test func `bipartite matching merges the most similar pairs and never prefix tokens`() throws {
    // Seven tokens of unit length, given by their angles; 0 and 1 are prefix tokens.
    let degrees: [Double] = [0, 10, 21, 20, 50, 90, 88]
    let metric = degrees.flatMap { angle -> [Float] in
      [Float(cosine(angle)), Float(cosine(90 - angle))]
    }
    let merged = try assignment(7, 5)
    let best = try backend.allocate(Shape(1, 4), .float32)
    backend.matchBipartite(
      try backend.tensor(metric, Shape(1, 7, 2)), prefixTokens: 2, r: 2, nodeMaximum: best,
      into: merged)
    // The even patch tokens 2, 4, 6 are matched with the odd 3 and 5: 2-3 (1°), 6-5 (2°), 4-3
    // (30°).
    #expect(backend.indices(merged.offsets) == [0, 1, 2, 3, 5, 7])
    #expect(backend.indices(merged.sources) == [0, 1, 4, 3, 2, 5, 6])
    #expect(backend.values(best)[0] == -.infinity)
  }

  @Test func `merging weights tokens by size and sums sizes`() throws {
    let merged = try assignment(7, 5)
    let metric = [0, 10, 21, 20, 50, 90, 88.0].flatMap {
      [Float(cosine($0)), Float(cosine(90 - $0))]
    }
    let best = try backend.allocate(Shape(1, 4), .float32)
    backend.matchBipartite(
      try backend.tensor(metric, Shape(1, 7, 2)), prefixTokens: 2, r: 2, nodeMaximum: best,
      into: merged)
    let tokens = (0..<7).flatMap { [Float($0), Float(10 * $0)] }
    let output = try backend.allocate(Shape(1, 5, 2), .float32)
    let sizes = try backend.allocate(Shape(1, 5), .float32)
    backend.assemble(
      try backend.tensor(tokens, Shape(1, 7, 2)), merged, weighting: .size, scores: nil,
      sizes: try backend.tensor([1, 1, 3, 1, 2, 1, 1], Shape(1, 7)), into: output,
      outputSizes: sizes)
    #expect(backend.values(sizes) == [1, 1, 2, 4, 2])
    let values = backend.values(output)
    #expect(Array(values[..<6]) == [0, 0, 1, 10, 4, 40])
    // (1·3 + 3·2) / 4 and (5 + 6) / 2.
    #expect(largestDifference(values[6...], [2.25, 22.5, 5.5, 55]) < 1e-6)
  }

  @Test func `removed tokens are merged into the kept patch with the most similar key`() throws {
    let metric = [45, 0, 90, 80, 10, 30.0].flatMap { [Float(cosine($0)), Float(cosine(90 - $0))] }
    let matched = try assignment(6, 3)
    backend.selectAndMatch(
      try backend.tensor([0, 5, 4, 1, 2, 3], Shape(1, 6)),
      metric: try backend.tensor(metric, Shape(1, 6, 2)), prefixTokens: 1, keep: 2, into: matched)
    // 1 (0°) and 2 (90°) are kept; 5 (30°) and 4 (10°) are merged into 1, 3 (80°) into 2, and none
    // into the class token.
    #expect(backend.indices(matched.offsets) == [0, 1, 4, 6])
    #expect(backend.indices(matched.sources) == [0, 1, 5, 4, 2, 3])
  }

  @Test func `sorting many values agrees with the standard library`() throws {
    var scores = randomFloats(397, seed: 3)
    for index in stride(from: 0, to: 397, by: 5) { scores[index] = scores[(index * 7) % 397] }
    let kept = try assignment(397, 397)
    backend.selectTokens(
      try backend.tensor(scores, Shape(1, 397)), prefixTokens: 0, keep: 397, fuse: false,
      into: kept)
    let expected = scores.indices.sorted {
      scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
    }
    #expect(backend.indices(kept.sources) == expected)
  }

  @Test func `the tail-effect score is divided by the maximum of the image or the batch`() throws {
    let attention: [Float] = [9, 2, 4, 9, 8, 2]
    let features: [Float] = [0, 0, 0, 1, 1, 1]
    for (normalization, expected) in [
      (ScoreNormalization.image, [0.5 + 1 / 3.0, 1 + 1 / 3.0, 1 + 1 / 3.0, 0.25 + 1 / 3.0]),
      (.batch, [0.25 + 1 / 3.0, 0.5 + 1 / 3.0, 1 + 1 / 3.0, 0.25 + 1 / 3.0]),
    ] {
      let scores = try backend.allocate(Shape(2, 3), .float32)
      backend.combineScores(
        attention: try backend.tensor(attention, Shape(2, 3)),
        features: try backend.tensor(features, Shape(2, 3)), prefixTokens: 1,
        normalization: normalization, into: scores)
      let values = backend.values(scores)
      #expect(largestDifference([values[1], values[2], values[4], values[5]], expected) < 1e-6)
    }
  }

  @Test func `random scores depend on the image and the seed, not on the batch`() throws {
    func scores(_ keys: [UInt64], seed: UInt64) throws -> [Float] {
      let tensor = try backend.allocate(Shape(keys.count, 5), .float32)
      backend.randomScores(seed: seed, imageKeys: keys, into: tensor)
      return backend.values(tensor)
    }
    let pair = try scores([7, 8], seed: 0)
    #expect(Array(pair[5...]) == (try scores([8], seed: 0)))
    #expect(pair[..<5] != pair[5...])
    #expect(pair != (try scores([7, 8], seed: 1)))
    #expect(!pair.contains { $0 < 0 || $0 >= 1 })
  }

  private func cosine(_ degrees: Double) -> Double { cos(degrees * .pi / 180) }
}
