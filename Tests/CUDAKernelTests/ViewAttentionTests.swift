import Foundation
import Tensors
import Testing
import _TestSupport

/// An attention over views of fused rows on the imagined device, and what should come out.
struct DeviceViewAttention {
  let grouping: TokenGrouping
  let tokens: Int
  let heads: Int
  let headDim: Int
  let precision: Precision
  let hasBias: Bool
  /// Numbers between the rows of tokens, which nobody may read or write.
  let gap: Int

  private static let batch = 2
  private static let scale = 0.3
  let qkv: [Float]
  let biases: [Float]

  init(
    _ grouping: TokenGrouping, tokens: Int, heads: Int, headDim: Int, _ precision: Precision,
    hasBias: Bool = false, gap: Int = 0
  ) {
    (self.grouping, self.tokens, self.heads, self.headDim) = (grouping, tokens, heads, headDim)
    (self.precision, self.hasBias, self.gap) = (precision, hasBias, gap)
    // Large enough that some keys count much more than others.
    qkv = randomFloats(Self.batch * tokens * 3 * heads * headDim, seed: 9).map {
      precision.rounded(2 * $0)
    }
    let count = grouping.tokensPerGroup(tokens: tokens)
    biases = randomFloats(heads * count * count, seed: 10).map { 3 * $0 }
  }

  private var padded: Int { headDim <= 32 ? 32 : headDim <= 64 ? 64 : 128 }
  private var row: Int { 3 * heads * headDim }

  private var numbers: [Int] {
    switch grouping {
    case .all: [0, 0, 0, 1, 0]
    case .windows(let height, let width, let window, let shift): [1, height, width, window, shift]
    case .interleaved(let height, let width, let patch): [2, height, width, patch, 0]
    }
  }

  func run(warps: Int, order: Order = .forward) throws -> [Float] {
    let (width, stride) = (heads * headDim, row + gap)
    let input = Buffer(
      (0..<(Self.batch * tokens)).flatMap {
        Array(qkv[($0 * row)..<(($0 + 1) * row)]) + [Float](repeating: .nan, count: gap)
      }, precision)
    let outputStride = width + gap
    let output = Buffer(count: Self.batch * tokens * outputStride, precision)
    let groups = grouping.groups(tokens: tokens)
    let count = tokens / groups
    let tile = padded == 128 ? 32 : 64
    try launch(
      "view_attention_mma_d\(padded)_\(precision)",
      grid: (groups * parts(count, 16 * warps), heads, Self.batch), block: 32 * warps,
      shared: parts(count, 4) * 16 + min(2, parts(count, tile)) * 2 * tile * (padded + 8) * 2,
      order: order,
      arguments: [
        .buffer(input), .int(stride), .int(headDim), .int(tokens),
        .offset(input, elements: width), .int(stride), .int(headDim), .int(tokens),
        .offset(input, elements: 2 * width), .int(stride), .int(headDim), .buffer(output),
        .int(outputStride), .int(headDim), .int(headDim), .int(headDim), .float(Float(Self.scale)),
      ] + numbers.map(Argument.int) + [.buffer(hasBias ? Buffer(biases) : nil), .buffer(nil)])
    let values = output.values
    guard values.indices.allSatisfy({ $0 % outputStride < width || values[$0].isNaN }) else {
      throw LaunchFailure(code: -3, description: "numbers were written between rows")
    }
    return (0..<(Self.batch * tokens * width)).map {
      values[$0 / width * outputStride + $0 % width]
    }
  }

  var expected: [Double] {
    ReferenceOps.groupedAttention(
      qkv: qkv, batch: Self.batch, tokens: tokens, heads: heads, headDim: headDim,
      scale: Self.scale, grouping, bias: hasBias ? biases : nil)
  }
}

/// ReLU linear attention on the imagined device, and what should come out.
struct DeviceLinearAttention {
  let tokens: Int
  let keyDim: Int
  let valueDim: Int
  let precision: Precision

  private let heads = 2
  private static let epsilon = 1e-5
  private var row: Int { heads * (2 * keyDim + valueDim) }
  /// Shape [tokens, queries of all heads | keys | values].
  private let numbers: [Float]

  init(tokens: Int, keyDim: Int, valueDim: Int, _ precision: Precision) {
    (self.tokens, self.keyDim, self.valueDim) = (tokens, keyDim, valueDim)
    self.precision = precision
    numbers = randomFloats(tokens * 2 * (2 * keyDim + valueDim), seed: 4).map(precision.rounded)
  }

  func run(order: Order = .forward) throws -> [Float] {
    let padded = max(keyDim, valueDim) <= 16 ? 16 : 32
    let input = Buffer(numbers, precision)
    let count = parts(tokens, 64)
    let partials = Buffer(count: heads * count * keyDim * (valueDim + 1))
    let output = Buffer(count: tokens * heads * valueDim, precision)
    try launch(
      "linear_sums_mma_d\(padded)_\(precision)", grid: (count, heads, 1), block: 128,
      shared: 16 * padded * (padded + 8), order: order,
      .offset(input, elements: heads * keyDim), .int(row), .int(keyDim), .int(tokens),
      .offset(input, elements: 2 * heads * keyDim), .int(row), .int(valueDim), .int(keyDim),
      .int(valueDim), .buffer(partials))
    try launch(
      "linear_outputs_mma_d\(padded)_\(precision)", grid: (count, heads, 1), block: 128,
      shared: 4 * padded * (padded + 20), order: order, .buffer(input), .int(row), .int(keyDim),
      .int(tokens), .buffer(output), .int(heads * valueDim), .int(valueDim), .int(keyDim),
      .int(valueDim), .float(Float(Self.epsilon)), .buffer(partials), .int(count))
    return output.values
  }

  var expected: [Double] {
    func number(_ token: Int, _ at: Int) -> Double { Double(numbers[token * row + at]) }
    func key(_ token: Int, _ head: Int, _ c: Int) -> Double {
      max(number(token, (heads + head) * keyDim + c), 0)
    }
    let sums = (0..<heads).map { head in
      (0..<keyDim).map { c in
        (0...valueDim).map { v in
          (0..<tokens).reduce(0.0) {
            $0 + key($1, head, c)
              * (v == valueDim ? 1 : number($1, 2 * heads * keyDim + head * valueDim + v))
          }
        }
      }
    }
    return (0..<(tokens * heads)).flatMap { item -> [Double] in
      let (token, head) = (item / heads, item % heads)
      let query = (0..<keyDim).map { max(number(token, head * keyDim + $0), 0) }
      let totals = (0...valueDim).map { v in
        (0..<keyDim).reduce(0.0) { $0 + query[$1] * sums[head][$1][v] }
      }
      return (0..<valueDim).map { totals[$0] / (totals[valueDim] + Self.epsilon) }
    }
  }
}

/// view_attention_mma.cu and linear_attention_mma.cu against double precision.
@Suite struct ViewAttentionTests {
  static let groupings: [(TokenGrouping, Int)] = [
    (.all, 37), (.all, 150),
    (.windows(height: 14, width: 7, window: 7, shift: 0), 98),
    (.windows(height: 14, width: 14, window: 7, shift: 3), 196),
    // Windows of more than one tile of keys, of which some are seen by no query of a region.
    (.windows(height: 12, width: 12, window: 12, shift: 6), 144),
    (.interleaved(height: 12, width: 10, patch: 2), 120),
  ]

  @Test(arguments: Precision.halves, groupings.indices)
  func `attention on tensor cores sees the tokens of its group and region`(
    precision: Precision, index: Int
  ) throws {
    let (grouping, tokens) = Self.groupings[index]
    for (headDim, hasBias, gap, warps) in [
      (32, true, 0, 4), (16, false, 2, 2), (36, true, 4, 1),
    ] {
      let attention = DeviceViewAttention(
        grouping, tokens: tokens, heads: 2, headDim: headDim, precision, hasBias: hasBias, gap: gap)
      let found = try attention.run(warps: warps, order: .shuffled)
      #expect(
        largestDifference(found, attention.expected) < 4 * precision.epsilon,
        "\(grouping), \(headDim)")
    }
  }

  @Test(arguments: Order.allCases)
  func `attention of wide heads and odd numbers of keys does not depend on the order`(
    order: Order
  ) throws {
    for (tokens, headDim, warps) in [(75, 96, 2), (33, 70, 3), (129, 64, 8)] {
      let attention = DeviceViewAttention(
        .all, tokens: tokens, heads: 1, headDim: headDim, .f16, hasBias: true)
      let found = try attention.run(warps: warps, order: order)
      #expect(
        largestDifference(found, attention.expected) < 4 * Precision.f16.epsilon,
        "\(tokens), \(headDim)")
    }
  }

  @Test(arguments: Precision.halves, Order.allCases)
  func `linear attention on tensor cores is the reference's`(
    precision: Precision, order: Order
  ) throws {
    for (tokens, keyDim, valueDim) in [
      (196, 16, 16), (49, 32, 32), (9, 6, 12), (70, 8, 24), (65, 20, 10),
    ] {
      let attention = DeviceLinearAttention(
        tokens: tokens, keyDim: keyDim, valueDim: valueDim, precision)
      let found = try attention.run(order: order)
      #expect(
        largestDifference(found, attention.expected) < 8 * precision.epsilon,
        "\(tokens), \(keyDim), \(valueDim)")
    }
  }
}
