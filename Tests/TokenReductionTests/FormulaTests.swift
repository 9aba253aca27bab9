import Foundation
import Records
import Testing
import _TestSupport

@testable import TokenReduction

/// Scores and disposals without a published implementation to compare with, against loops in double
/// precision written from the formula.
@Suite struct FormulaTests {
  /// One image of random tokens, keys and attention, in memory that the test owns.
  private final class Image {
    let (n, out, heads, width, prefix) = (20, 12, 3, 12, 2)
    var floats: [UnsafeMutablePointer<Float>] = []
    let integers: UnsafeMutablePointer<Int32>
    let offsets: UnsafeMutablePointer<Int32>
    let sources: UnsafeMutablePointer<Int32>
    var step: ImageStep

    static func memory(_ values: [Float]) -> UnsafeMutablePointer<Float> {
      let memory = UnsafeMutablePointer<Float>.allocate(capacity: max(1, values.count))
      memory.initialize(from: values, count: values.count)
      return memory
    }

    init(seed: UInt64, sharpness: Float) {
      let extent = StepExtent(
        step: ReductionStep(block: 1, position: .insideBlock, tokensIn: n, tokensOut: out),
        ordinal: 0, geometry: TokenGeometry(tokens: n, prefixTokens: prefix, depth: 12),
        width: width, heads: heads)
      // Rows of the map are softmax of random logits.
      var map: [Float] = []
      let logits = randomFloats(heads * n * n, seed: seed)
      for row in 0..<(heads * n) {
        let values = logits[(row * n)..<((row + 1) * n)].map { exp(sharpness * $0) }
        map += values.map { $0 / values.reduce(0, +) }
      }
      floats = [
        Self.memory(randomFloats(n * width, seed: seed + 1)),
        Self.memory(randomFloats(n * 3 * width, seed: seed + 2)), Self.memory(map),
        Self.memory(randomFloats(n * width, seed: seed + 3)),
        Self.memory([Float](repeating: 0, count: n)),
        Self.memory([Float](repeating: 0, count: n * width)),
        Self.memory([Float](repeating: 0, count: 4096)),
      ]
      integers = .allocate(capacity: ImageStep.integersPerToken * n)
      offsets = .allocate(capacity: out + 1)
      sources = .allocate(capacity: n)
      step = ImageStep(
        extent: extent, tokens: floats[0], scores: floats[4], output: floats[5], offsets: offsets,
        sources: sources, constants: floats[6], state: floats[6], scratch: floats[6],
        integers: integers)
      step.projections = UnsafePointer(floats[1])
      step.map = floats[2]
      step.beforeBranch = UnsafePointer(floats[3])
    }

    deinit {
      for memory in floats { memory.deallocate() }
      integers.deallocate()
      offsets.deallocate()
      sources.deallocate()
    }

    var scores: [Double] { (0..<n).map { Double(step.scores[$0]) } }

    /// `sqrt(Σ s² / heads)` over the heads that count, from the formula.
    func pageRank(iterations: Int) -> [Double] {
      var (counted, all) = ([[Double]](), [[Double]]())
      for head in 0..<heads {
        func weight(_ i: Int, _ j: Int) -> Double { Double(floats[2][(head * n + i) * n + j]) }
        var s = [Double](repeating: 1, count: n)
        s[0] = Double(n).squareRoot()
        for _ in 0..<iterations {
          s = (0..<n).map { j in (0..<n).reduce(0) { $0 + weight($1, j) * s[$1] } }
        }
        let sum = s.reduce(0, +)
        s = s.map { $0 * Double(n) / sum }
        let variance = s.reduce(0) { $0 + ($1 - 1) * ($1 - 1) } / Double(n)
        all.append(s)
        if variance >= 0.01, variance <= 0.7 { counted.append(s) }
      }
      let used = counted.isEmpty ? all : counted
      return (0..<n).map { token in
        (used.reduce(0) { $0 + $1[token] * $1[token] } / Double(used.count)).squareRoot()
      }
    }
  }

  @Test(arguments: [Float(0.1), 1, 4], [1, 5, 50])
  func `PageRank is the repeated product with the attention map`(sharpness: Float, iterations: Int)
  {
    let image = Image(seed: 7, sharpness: sharpness)
    PageRankScore(iterations: iterations).writeScores(image.step)
    let expected = image.pageRank(iterations: iterations)
    #expect(!expected.isEmpty && expected.count == image.scores.count)
    for (ours, expected) in zip(image.scores, expected) {
      #expect(abs(ours - expected) < 1e-5 * max(1, expected))
    }
  }

  @Test(arguments: 0..<8)
  func `Zero-TPrune drops similar tokens of the less important half, then the least important`(
    seed: Int
  ) {
    let image = Image(seed: UInt64(100 + seed), sharpness: 2)
    PageRankScore(iterations: 30).writeScores(image.step)
    let similar = 4
    DropSimilarThenLeast(similar: similar).reduce(image.step)
    let (n, prefix, d) = (image.n, image.prefix, image.width / image.heads)
    let first = image.pageRank(iterations: 1)
    let order = (prefix..<n).sorted { first[$0] > first[$1] }
    let upper = order.count - order.count / 2
    func key(_ token: Int) -> [Double] {
      let mean = (0..<d).map { c in
        (0..<image.heads).reduce(0.0) {
          $0 + Double(image.floats[1][token * 3 * image.width + image.width + $1 * d + c])
        }
      }
      let length = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return mean.map { $0 / length }
    }
    let best = order[upper...].map { token in
      (
        token,
        order[..<upper].map { zip(key(token), key($0)).reduce(0) { $0 + $1.0 * $1.1 } }.max() ?? 0
      )
    }
    let gone = Set(best.sorted { $0.1 > $1.1 }.prefix(similar).map(\.0))
    let scores = image.pageRank(iterations: 30)
    let kept = (prefix..<n).filter { !gone.contains($0) }.sorted { scores[$0] > scores[$1] }
      .prefix(image.out - prefix)
    #expect(gone.count == similar)
    #expect((prefix..<image.out).map { Int(image.sources[$0]) } == Array(kept))
    for output in 0..<image.out {
      for c in 0..<image.width {
        #expect(
          image.floats[5][output * image.width + c]
            == image.floats[0][Int(image.sources[output]) * image.width + c])
      }
    }
  }

  @Test(arguments: [false, true])
  func `representation shift is the length of a difference`(isDifference: Bool) {
    let image = Image(seed: 9, sharpness: 1)
    RepresentationShiftScore(isDifference: isDifference).writeScores(image.step)
    for token in image.prefix..<image.n {
      let expected = (0..<image.width).reduce(0.0) { sum, c in
        let place = token * image.width + c
        let start = Double(image.floats[3][place])
        let change = Double(image.floats[0][place]) - start - (isDifference ? start : 0)
        return sum + change * change
      }.squareRoot()
      #expect(abs(image.scores[token] - expected) < 1e-5 * max(1, expected))
    }
  }

  @Test func `a method's declared properties match its example`() throws {
    let geometry = TokenGeometry(tokens: 197, prefixTokens: 1, depth: 12)
    for method in TokenReductionRegistry.all {
      let object = try JSONDecoder().decode(
        [String: JSONValue].self, from: Data(method.example.utf8))
      let setting = try TokenReductionRegistry.resolve(
        method: method, parameters: object.filter { $0.key != "method" }, geometry: geometry)
      let composition = try TokenReductionRegistry.composition(for: setting, geometry: geometry)
      guard method != ComposedMethod.self, !TokenReductionRegistry.isBaseline(method.name) else {
        continue
      }
      #expect(!composition.steps.isEmpty)
      #expect(method.needs.sizesInAttention == composition.proportionalAttention, "\(method.name)")
      // Class rows of queries and keys also count as attention.
      let readsRows =
        composition.score is ClassValueScore || composition.score is ClassHeadValueScore
      #expect(
        method.needs.readsAttention == (composition.inputs.readsAttention || readsRows),
        "\(method.name)")
      let tensors = composition.steps.enumerated().flatMap { ordinal, step in
        let extent = StepExtent(
          step: step, ordinal: ordinal, geometry: geometry, width: 384, heads: 6)
        return (composition.score?.tensors(extent) ?? []) + composition.disposal.tensors(extent)
      }
      #expect(method.needs.isTrained == !tensors.isEmpty, "\(method.name)")
      #expect(tensors.allSatisfy { TokenReductionRegistry.isMethodTensor($0.key) })
    }
  }

  @Test
  func `every method accepts explicit counts, and invalid ones are refused with one sentence`()
    throws
  {
    let geometry = TokenGeometry(tokens: 37, prefixTokens: 1, depth: 4)
    func problems(_ method: any TokenReductionMethod.Type, _ tokens: [Int]) -> [String] {
      TokenReductionRegistry.problems(
        method: method, parameters: ["tokens": .array(tokens.map { .integer($0) })],
        geometry: geometry
      ).map(\.description)
    }
    for method in TokenReductionRegistry.all
    where !TokenReductionRegistry.isBaseline(method.name) && method != ComposedMethod.self {
      var parameters: [String: JSONValue] = [
        "tokens": .array([37, 30, 24, 20].map { .integer($0) })
      ]
      for parameter in method.parameters
      where parameter.defaultValue == nil && parameter.otherwise == nil && parameter.name != "r" {
        parameters[parameter.name] = .number(0.5)
      }
      let composition = try TokenReductionRegistry.composition(
        for: try TokenReductionRegistry.resolve(
          method: method, parameters: parameters, geometry: geometry), geometry: geometry)
      #expect(composition.tokensAfterBlocks == [37, 30, 24, 20], "\(method.name)")
    }
    #expect(
      problems(ToMe.self, [37, 37])
        == ["tokens: has 2 counts; it must have one for each of the model's 4 blocks"])
    #expect(
      problems(ToMe.self, [37, 10, 9, 8])
        == ["tokens: falls from 37 to 10 at block 1; this method can remove 18 there"])
    #expect(
      problems(TopK.self, [30, 31, 9, 8])
        == ["tokens: rises to 31 at block 1; at most 30 tokens are left there"])
    #expect(
      problems(TopK.self, [30, 1, 1, 1])
        == ["tokens: 1 at block 1 is too few; it must be 2 or more"])
  }

  @Test func `incompatible scores and disposals are refused with one sentence`() {
    let geometry = TokenGeometry(tokens: 37, prefixTokens: 1, depth: 4)
    func problems(_ score: String, _ disposal: String) -> [String] {
      TokenReductionRegistry.problems(
        method: ComposedMethod.self,
        parameters: [
          "score": .string(score), "disposal": .string(disposal), "r": .integer(4),
        ], geometry: geometry
      ).map(\.description)
    }
    #expect(
      problems("class_attention", "k_medoids")
        == [
          "score: \"k_medoids\" chooses by itself and reads no score; it goes with \"none\" alone"
        ])
    #expect(problems("none", "drop") == ["score: \"drop\" needs a score, and \"none\" is none"])
    #expect(
      problems("predictor", "merge")
        == [
          "disposal: \"merge\" does not act where \"predictor\" can be computed; take \"drop\", "
            + "which acts everywhere"
        ])
    // All other combinations are valid.
    for disposal in TokenDisposals.all {
      for score in TokenScores.all {
        let found = problems(score.name, disposal.name)
        #expect(found.count <= 1, "\(score.name) \(disposal.name) \(found)")
      }
    }
    #expect(problems("page_rank", "fuse_mean").isEmpty)
    #expect(problems("class_value", "join_most_similar").isEmpty)
  }
}
