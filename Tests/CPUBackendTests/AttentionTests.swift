import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// Attention and its statistics against plain loops in double precision.
@Suite struct AttentionTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let tokens: Int
    let heads: Int
    let headDim: Int
    let threads: Int
    var width: Int { heads * headDim }
    var testDescription: String { "\(tokens) tokens, \(heads) heads, \(threads) threads" }
  }

  static let cases = [(9, 3, 16), (145, 3, 32), (197, 2, 8), (340, 1, 16)].flatMap { shape in
    [1, 2, 5].map {
      Case(tokens: shape.0, heads: shape.1, headDim: shape.2, threads: $0)
    }
  }

  @Test(arguments: cases, [false, true])
  func `attention matches the reference, with and without token sizes`(size: Case, sized: Bool)
    throws
  {
    let run = try Run(size, sized: sized, statistics: nil)
    for image in 0..<2 {
      let expected = ReferenceOps.attention(
        run.image(image), tokens: size.tokens, heads: size.heads,
        tokenSize: sized ? run.sizes(image) : nil)
      #expect(largestDifference(run.output(image), expected) < 1e-5)
    }
  }

  @Test(arguments: cases)
  func `class attention is the mean of the first row over heads`(size: Case) throws {
    let run = try Run(size, sized: false, statistics: .mean, received: false)
    for image in 0..<2 {
      let weights = ReferenceOps.attentionWeights(
        run.image(image), tokens: size.tokens, heads: size.heads)
      let expected = (0..<size.tokens).map { j in
        weights.reduce(0) { $0 + $1[0][j] } / Double(size.heads)
      }
      #expect(largestDifference(run.statistic(image), expected) < 1e-6)
    }
  }

  @Test(arguments: cases, HeadReduction.allCases)
  func `received attention sums the heads' reduction over patch rows`(
    size: Case, reduction: HeadReduction
  ) throws {
    let run = try Run(size, sized: true, statistics: reduction)
    for image in 0..<2 {
      let weights = ReferenceOps.attentionWeights(
        run.image(image), tokens: size.tokens, heads: size.heads, tokenSize: run.sizes(image))
      let expected = (0..<size.tokens).map { j in
        (Run.prefix..<size.tokens).reduce(0.0) { sum, i in
          let column = weights.map { $0[i][j] }
          switch reduction {
          case .max: return sum + (column.max() ?? 0)
          case .sum: return sum + column.reduce(0, +)
          case .mean: return sum + column.reduce(0, +) / Double(size.heads)
          }
        }
      }
      #expect(largestDifference(run.statistic(image), expected) < 1e-5)
      // The statistics must not change the result.
      let attended = ReferenceOps.attention(
        run.image(image), tokens: size.tokens, heads: size.heads, tokenSize: run.sizes(image))
      #expect(largestDifference(run.output(image), attended) < 1e-5)
    }
  }

  /// One attention over two images.
  private struct Run {
    static let prefix = 2
    private let size: Case
    private let qkv: [Float]
    private let tokenSizes: [Float]
    private let outputs: [Float]
    private let statistics: [Float]

    init(
      _ size: Case, sized: Bool, statistics reduction: HeadReduction?, received: Bool = true
    ) throws {
      self.size = size
      let backend = try CPUBackend(threads: size.threads)
      try backend.reserve(
        ScratchLimits(
          embedDim: size.width, hiddenDim: 1, patchValues: 1, tokens: size.tokens,
          heads: size.heads, batchSize: 2))
      qkv = randomFloats(2 * size.tokens * 3 * size.width, seed: 9)
      tokenSizes = (0..<(2 * size.tokens)).map { Float($0 % 4 + 1) }
      let output = try backend.allocate(Shape(2, size.tokens, size.width), .float32)
      let statistic = try backend.allocate(Shape(2, size.tokens), .float32)
      _ = backend.attend(
        try backend.tensor(qkv, Shape(2, size.tokens, 3 * size.width)), heads: size.heads,
        tokenSize: sized ? try backend.tensor(tokenSizes, Shape(2, size.tokens)) : nil,
        statistics: reduction.map {
          AttentionStatistics(
            classAttention: received ? nil : statistic,
            receivedAttention: received ? statistic : nil, headReduction: $0,
            prefixTokens: Self.prefix)
        }, into: output)
      outputs = backend.values(output)
      statistics = backend.values(statistic)
    }

    func image(_ index: Int) -> [Float] { part(qkv, index) }
    func output(_ index: Int) -> [Float] { part(outputs, index) }
    func sizes(_ index: Int) -> [Float] { part(tokenSizes, index) }
    func statistic(_ index: Int) -> [Float] { part(statistics, index) }

    private func part(_ values: [Float], _ index: Int) -> [Float] {
      let count = values.count / 2
      return Array(values[(index * count)..<((index + 1) * count)])
    }
  }
}
