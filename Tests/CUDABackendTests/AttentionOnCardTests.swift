import CFakeCUDA
import Foundation
import Tensors
import Testing
import _TestSupport

@testable import CUDABackend

extension CUDASuite {
  /// Every kind of attention over views, and what it says of tokens, against plain loops in double
  /// precision, in each precision of the card.
  @Suite(.serialized) struct AttentionOnCard {
    init() { FakeMachine.reset() }

    @Test(arguments: CardNumbers.precisions)
    func `attention sees the tokens of its group`(precision: Precision, limit: Double) throws {
      let card = try CardNumbers(precision, limit)
      let (tokens, heads, d) = (64, 2, 8)
      let qkv = card.numbers(2 * tokens * 3 * heads * d, seed: 1)
      for (grouping, hasBias) in [
        (TokenGrouping.all, true), (.all, false),
        (.windows(height: 8, width: 8, window: 4, shift: 0), true),
        (.windows(height: 8, width: 8, window: 4, shift: 2), true),
        (.interleaved(height: 8, width: 8, patch: 2), false),
      ] {
        let count = grouping.tokensPerGroup(tokens: tokens)
        let biases = randomFloats(heads * count * count, seed: 2)
        let input = try card.tensor(qkv, Shape(2, tokens, 3 * heads * d))
        let output = try card.backend.allocate(
          Shape(2, tokens, heads * d), card.backend.activationType)
        card.backend.attention(
          AttentionOperands(
            queries: HeadView(input, part: .query, heads: heads),
            keys: HeadView(input, part: .key, heads: heads),
            values: HeadView(input, part: .value, heads: heads),
            output: HeadView(output, batch: 2, tokens: tokens, heads: heads, headDim: d),
            scale: 0.4, grouping: grouping,
            bias: hasBias ? try card.plain(biases) : nil))
        let expected = ReferenceOps.groupedAttention(
          qkv: qkv, batch: 2, tokens: tokens, heads: heads, headDim: d, scale: 0.4, grouping,
          bias: hasBias ? biases : nil)
        card.expectNear(try card.values(output), expected, "\(grouping)")
      }
    }

    @Test(arguments: CardNumbers.precisions)
    func `attention with ReLU is the reference's`(precision: Precision, limit: Double) throws {
      let card = try CardNumbers(precision, limit)
      for (tokens, heads, d, e) in [(70, 2, 8, 8), (9, 1, 5, 12)] {
        let row = heads * (2 * d + e) + 3
        let values = card.numbers(2 * tokens * row, seed: 1)
        let tensor = try card.tensor(values, Shape(2, tokens, row))
        func view(_ first: Int, _ dim: Int) -> HeadView {
          HeadView(
            tensor, offset: first, batch: 2, tokens: tokens, heads: heads, headDim: dim,
            tokenStride: row)
        }
        let output = try card.backend.allocate(
          Shape(2, tokens, heads * e), card.backend.activationType)
        card.backend.linearAttention(
          queries: view(0, d), keys: view(heads * d, d), values: view(2 * heads * d, e),
          epsilon: 1e-5,
          into: HeadView(output, batch: 2, tokens: tokens, heads: heads, headDim: e))
        var expected: [Double] = []
        for image in 0..<2 {
          func number(_ token: Int, _ at: Int) -> Double {
            Double(values[(image * tokens + token) * row + at])
          }
          for token in 0..<tokens {
            for head in 0..<heads {
              let query = (0..<d).map { max(number(token, head * d + $0), 0) }
              func key(_ token: Int, _ c: Int) -> Double {
                max(number(token, heads * d + head * d + c), 0)
              }
              let total = (0..<d).reduce(0.0) { sum, c in
                sum + query[c] * (0..<tokens).reduce(0.0) { $0 + key($1, c) }
              }
              for v in 0..<e {
                let sum = (0..<d).reduce(0.0) { sum, c in
                  sum + query[c]
                    * (0..<tokens).reduce(0.0) {
                      $0 + key($1, c) * number($1, 2 * heads * d + head * e + v)
                    }
                }
                expected.append(sum / (total + 1e-5))
              }
            }
          }
        }
        card.expectNear(try card.values(output), expected, "\(tokens) tokens")
      }
    }

    @Test(arguments: CardNumbers.precisions)
    func `an attention map, its use and what it says of tokens are the reference's`(
      precision: Precision, limit: Double
    ) throws {
      let card = try CardNumbers(precision, limit)
      let (tokens, heads, d) = (19, 2, 8)
      let qkv = card.numbers(tokens * 3 * heads * d, seed: 1)
      let sizes = (0..<tokens).map { Float($0 % 3 + 1) }
      let input = try card.tensor(qkv, Shape(1, tokens, 3 * heads * d))
      let map = try card.backend.allocate(Shape(1, heads, tokens, tokens), .float32)
      card.backend.attentionMap(
        queries: HeadView(input, part: .query, heads: heads),
        keys: HeadView(input, part: .key, heads: heads), scale: 1 / Float(d).squareRoot(),
        tokenSize: try card.plain(sizes).view(Shape(1, tokens)), into: map)
      let weights = ReferenceOps.attentionWeights(
        qkv, tokens: tokens, heads: heads, tokenSize: sizes)
      card.expectNear(try card.values(map), weights.flatMap { $0.flatMap(\.self) }, "map")
      let output = try card.backend.allocate(
        Shape(1, tokens, heads * d), card.backend.activationType)
      card.backend.applyAttentionMap(
        map, values: HeadView(input, part: .value, heads: heads),
        into: HeadView(output, batch: 1, tokens: tokens, heads: heads, headDim: d))
      card.expectNear(
        try card.values(output),
        ReferenceOps.attention(qkv, tokens: tokens, heads: heads, tokenSize: sizes), "applied")
      for reduction in HeadReduction.allCases {
        let (classes, received) = (
          try card.backend.allocate(Shape(1, tokens), .float32),
          try card.backend.allocate(Shape(1, tokens), .float32)
        )
        card.backend.summarizeAttention(
          map,
          AttentionStatistics(
            classAttention: classes, receivedAttention: received, headReduction: reduction,
            prefixTokens: 2))
        let first = (0..<tokens).map { j in
          weights.reduce(0) { $0 + $1[0][j] } / Double(heads)
        }
        let sums = (0..<tokens).map { j in
          (2..<tokens).reduce(0.0) { sum, i in
            let column = weights.map { $0[i][j] }
            switch reduction {
            case .max: return sum + (column.max() ?? 0)
            case .sum: return sum + column.reduce(0, +)
            case .mean: return sum + column.reduce(0, +) / Double(heads)
            }
          }
        }
        card.expectNear(try card.values(classes), first, "class attention")
        card.expectNear(try card.values(received), sums, "\(reduction)")
      }
    }

    @Test(arguments: CardNumbers.precisions)
    func `ReduceFormer's attention is the reference's`(precision: Precision, limit: Double) throws {
      let card = try CardNumbers(precision, limit)
      for (tokens, heads, d) in [(70, 2, 8), (9, 1, 5), (65, 1, 300)] {
        let row = 3 * heads * d + 3
        let values = card.numbers(2 * tokens * row, seed: 1)
        let tensor = try card.tensor(values, Shape(2, tokens, row))
        func view(_ part: Int) -> HeadView {
          HeadView(
            tensor, offset: part * heads * d, batch: 2, tokens: tokens, heads: heads, headDim: d,
            tokenStride: row)
        }
        let output = try card.backend.allocate(
          Shape(2, tokens, heads * d), card.backend.activationType)
        card.backend.reducedAttention(
          queries: view(0), keys: view(1), values: view(2), epsilon: 1e-5,
          into: HeadView(output, batch: 2, tokens: tokens, heads: heads, headDim: d))
        var expected: [Double] = []
        for image in 0..<2 {
          func number(_ token: Int, _ part: Int, _ head: Int, _ c: Int) -> Double {
            Double(values[(image * tokens + token) * row + (part * heads + head) * d + c])
          }
          for token in 0..<tokens {
            for head in 0..<heads {
              let query = (0..<d).map { max(number(token, 0, head, $0), 0) }
              let keys = (0..<d).map { c in
                (0..<tokens).reduce(0.0) { $0 + max(number($1, 1, head, c), 0) }
              }
              let sums = (0..<d).map { c in
                (0..<tokens).reduce(0.0) {
                  $0 + max(number($1, 1, head, c), 0) * number($1, 2, head, c)
                }
              }
              let total = max(zip(query, keys).reduce(0.0) { $0 + $1.0 * $1.1 }, 1e-5)
              expected += zip(query, sums).map { $0 * $1 / total }
            }
          }
        }
        card.expectNear(try card.values(output), expected, "\(tokens) tokens")
      }
    }
  }
}
