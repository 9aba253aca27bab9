import Foundation
import Tensors
import Testing
import _TestSupport

/// One attention on the imagined device: extents, launches by the kernels' README, and what should
/// come out.
struct DeviceAttention {
  let tokens: Int
  let heads: Int
  let headDim: Int
  let precision: Precision
  let isSized: Bool
  var order = Order.forward

  private static let batch = 2
  let qkv: [Float]
  let sizes: [Float]
  let output: Buffer
  let logSums: Buffer

  init(
    tokens: Int, heads: Int, headDim: Int, _ precision: Precision, isSized: Bool, order: Order
  ) {
    (self.tokens, self.heads, self.headDim) = (tokens, heads, headDim)
    (self.precision, self.isSized, self.order) = (precision, isSized, order)
    let width = heads * headDim
    // Large enough that some keys count much more than others.
    qkv = randomFloats(Self.batch * tokens * 3 * width, seed: 9).map { precision.rounded(2 * $0) }
    sizes = (0..<(Self.batch * tokens)).map { Float($0 % 4 + 1) }
    output = Buffer(count: Self.batch * tokens * width, precision)
    logSums = Buffer(count: Self.batch * heads * tokens)
  }

  var scale: Float { Float(log2(M_E) / Double(headDim).squareRoot()) }
  private var input: Buffer { Buffer(qkv, precision) }
  private var sizeBuffer: Buffer? { isSized ? Buffer(sizes) : nil }
  private var padded: Int { headDim <= 32 ? 32 : headDim <= 64 ? 64 : 128 }

  func multiplyAdd(isSmall: Bool) throws {
    let rows = isSmall ? 16 : padded == 128 ? 32 : 64
    try launch(
      "attention_fma_d\(padded)_r\(rows)_\(precision)",
      grid: (parts(tokens, rows), heads, Self.batch), block: 128,
      shared: 4 * ((rows + 32) * (padded + 4) + 36 * rows), order: order, .buffer(input),
      .buffer(sizeBuffer), .buffer(output), .buffer(logSums), .int(tokens), .int(heads),
      .int(headDim), .float(scale))
  }

  /// - Parameter prefix: Of the kernel's name: a variant with a mistake.
  func tensorCores(rowWarps: Int, keyGroups: Int, prefix: String = "") throws {
    // float32 numbers are rounded to tf32, and take twice the room.
    let tile = (padded == 128 ? 32 : 64) / (precision == .f32 ? 2 : 1)
    let steps = parts(parts(tokens, tile), keyGroups)
    let stride = precision == .f32 ? 2 * (padded + 4) : padded + 8
    let tiles = keyGroups * min(2, steps) * 4 * tile * stride
    let sums = keyGroups > 1 ? 64 * rowWarps * keyGroups * (padded + 4) : 0
    try launch(
      "\(prefix)attention_mma_d\(padded)_\(precision)",
      grid: (parts(tokens, 16 * rowWarps), heads, Self.batch), block: 32 * rowWarps * keyGroups,
      shared: max(tiles, sums), order: order, .buffer(input), .buffer(sizeBuffer),
      .buffer(output), .buffer(logSums), .int(tokens), .int(heads), .int(headDim), .float(scale),
      .int(keyGroups))
  }

  func classAttention() throws -> [Float] {
    let scores = Buffer(count: Self.batch * tokens)
    try launch(
      "class_attention_\(precision)", grid: (parts(tokens, 8), Self.batch, 1), block: 256,
      order: order, .buffer(input), .buffer(sizeBuffer), .buffer(logSums), .int(tokens),
      .int(heads), .int(headDim), .float(scale), .buffer(scores))
    return scores.values
  }

  /// Which kernel sums what tokens receive.
  enum ReceivedKernel: String {
    case fma, mma
    case fmaHeads = "fma_heads"
    case heads = "mma_heads"

    var isByHeads: Bool { self == .fmaHeads || self == .heads }
  }

  /// What tokens receive, and next to it the sums over features of the largest values of all heads.
  func receivedAttention(
    prefix: Int, _ reduction: HeadReduction, by kernel: ReceivedKernel
  ) throws -> (received: [Float], features: [Float]) {
    let keyBlocks = parts(tokens, kernel == .fmaHeads ? 32 : 64)
    let warps = kernel.isByHeads ? heads : kernel == .fma ? 8 : 4
    let rowBlocks = parts(tokens, kernel.isByHeads ? 16 : 64)
    let partials = Buffer(count: Self.batch * rowBlocks * tokens)
    let (received, features) = (
      Buffer(count: Self.batch * tokens), Buffer(count: Self.batch * tokens)
    )
    let shared: [ReceivedKernel: Int] = [
      .fma: 18432, .mma: 36864, .fmaHeads: warps * 6912, .heads: warps * 11520,
    ]
    try launch(
      "received_attention_\(kernel.rawValue)_\(precision)",
      grid: (keyBlocks, rowBlocks + parts(tokens, keyBlocks * warps), Self.batch),
      block: 32 * warps, shared: shared[kernel] ?? 0, order: order, .buffer(input),
      .buffer(sizeBuffer), .buffer(logSums), .int(tokens), .int(heads), .int(headDim),
      .float(scale), .int(prefix), .int(reduction == .max ? 0 : reduction == .mean ? 1 : 2),
      .int(rowBlocks), .buffer(partials), .buffer(features), .int(2), .int(0))
    try launch(
      "received_attention_sum", grid: (parts(tokens, 256), Self.batch, 1), block: 256,
      .buffer(partials), .int(rowBlocks), .int(tokens), .int(reduction == .mean ? heads : 1),
      .buffer(received))
    return (received.values, features.values)
  }

  /// For every token the sum over features of the largest value of all heads.
  var expectedFeatures: [Double] {
    let width = heads * headDim
    return (0..<(Self.batch * tokens)).map { row in
      (0..<headDim).reduce(0.0) { sum, c in
        sum
          + ((0..<heads).map { Double(qkv[row * 3 * width + 2 * width + $0 * headDim + c]) }.max()
            ?? 0)
      }
    }
  }

  // MARK: What should come out

  private func image(_ values: [Float], _ index: Int) -> [Float] {
    let count = values.count / Self.batch
    return Array(values[(index * count)..<((index + 1) * count)])
  }

  var expected: [Double] {
    (0..<Self.batch).flatMap {
      ReferenceOps.attention(
        image(qkv, $0), tokens: tokens, heads: heads, tokenSize: isSized ? image(sizes, $0) : nil)
    }
  }

  /// [image][head][row][column].
  var expectedWeights: [[[[Double]]]] {
    (0..<Self.batch).map {
      ReferenceOps.attentionWeights(
        image(qkv, $0), tokens: tokens, heads: heads, tokenSize: isSized ? image(sizes, $0) : nil)
    }
  }
}

/// Kernels of attention_mma.cu, attention_fma.cu and statistics.cu against double precision.
@Suite struct KernelAttentionTests {
  struct Size: Sendable, CustomTestStringConvertible {
    let tokens: Int
    let heads: Int
    let headDim: Int
    var testDescription: String { "\(tokens) tokens, \(heads) heads of \(headDim)" }
  }

  /// Fewer tokens than a tile, a token more than some, and every padded head width.
  static let sizes = [
    Size(tokens: 5, heads: 2, headDim: 16), Size(tokens: 37, heads: 1, headDim: 24),
    Size(tokens: 65, heads: 2, headDim: 64), Size(tokens: 145, heads: 1, headDim: 32),
    Size(tokens: 50, heads: 1, headDim: 80), Size(tokens: 33, heads: 1, headDim: 128),
  ]

  @Test(arguments: sizes, Order.allCases)
  func `float32 attention is the reference's`(size: Size, order: Order) throws {
    for (isSmall, isSized) in [(false, false), (true, true)] {
      let attention = DeviceAttention(
        tokens: size.tokens, heads: size.heads, headDim: size.headDim, .f32, isSized: isSized,
        order: order)
      try attention.multiplyAdd(isSmall: isSmall)
      #expect(largestDifference(attention.output.values, attention.expected) < 2e-6)
    }
  }

  @Test(arguments: sizes, Precision.halves)
  func `cards without these tensor cores multiply halves in float32`(
    size: Size, precision: Precision
  ) throws {
    for isSmall in [false, true] {
      let attention = DeviceAttention(
        tokens: size.tokens, heads: size.heads, headDim: size.headDim, precision, isSized: true,
        order: .shuffled)
      try attention.multiplyAdd(isSmall: isSmall)
      #expect(
        largestDifference(attention.output.values, attention.expected) < 2 * precision.epsilon)
    }
  }

  @Test(arguments: sizes, Precision.halves)
  func `attention on tensor cores is the reference's however the work is split`(
    size: Size, precision: Precision
  ) throws {
    for (index, (rowWarps, keyGroups)) in [(1, 1), (4, 1), (1, 4), (2, 3)].enumerated() {
      let attention = DeviceAttention(
        tokens: size.tokens, heads: size.heads, headDim: size.headDim, precision,
        isSized: index % 2 == 1, order: Order.allCases[index % 3])
      try attention.tensorCores(rowWarps: rowWarps, keyGroups: keyGroups)
      // Weights are rounded to half precision before they meet the values, which are below 2.
      #expect(
        largestDifference(attention.output.values, attention.expected) < 4 * precision.epsilon)
    }
  }

  @Test(arguments: sizes)
  func `attention in tf32 is the reference's as far as its digits go`(size: Size) throws {
    for (index, (rowWarps, keyGroups)) in [(1, 1), (4, 1), (1, 4), (2, 3)].enumerated() {
      let attention = DeviceAttention(
        tokens: size.tokens, heads: size.heads, headDim: size.headDim, .f32,
        isSized: index % 2 == 1, order: Order.allCases[index % 3])
      try attention.tensorCores(rowWarps: rowWarps, keyGroups: keyGroups)
      // Ten bits of mantissa, as float16 has.
      let difference = largestDifference(attention.output.values, attention.expected)
      #expect(difference < 4 * Precision.f16.epsilon)
      #expect(difference > 1e-6, "rounded as tensor cores round")
    }
  }

  @Test(arguments: Order.allCases)
  func `tiles of keys keep their values when many are in flight`(order: Order) throws {
    let attention = DeviceAttention(
      tokens: 300, heads: 1, headDim: 64, .f16, isSized: true, order: order)
    try attention.tensorCores(rowWarps: 3, keyGroups: 1)
    #expect(
      largestDifference(attention.output.values, attention.expected) < 4 * Precision.f16.epsilon)
    try attention.tensorCores(rowWarps: 2, keyGroups: 2)
    #expect(
      largestDifference(attention.output.values, attention.expected) < 4 * Precision.f16.epsilon)
  }

  @Test(arguments: Precision.allCases)
  func `the order of threads changes no bit`(precision: Precision) throws {
    var outcomes: [[[Float]]] = []
    for order in Order.allCases {
      let attention = DeviceAttention(
        tokens: 90, heads: 2, headDim: 64, precision, isSized: true, order: order)
      if precision == .f32 {
        try attention.multiplyAdd(isSmall: false)
      } else {
        try attention.tensorCores(rowWarps: 2, keyGroups: 2)
      }
      outcomes.append([
        attention.output.values, attention.logSums.values, try attention.classAttention(),
      ])
      for kernel in precision == .f32
        ? [.fma, .fmaHeads] : [.mma, .heads] as [DeviceAttention.ReceivedKernel]
      {
        let sums = try attention.receivedAttention(prefix: 1, .max, by: kernel)
        outcomes[outcomes.count - 1] += [sums.received, sums.features]
      }
    }
    #expect(outcomes[0] == outcomes[1])
    #expect(outcomes[0] == outcomes[2])
  }

  @Test func `logits far apart neither overflow nor vanish`() throws {
    let far = DeviceAttention(
      tokens: 70, heads: 1, headDim: 64, .f32, isSized: false, order: .forward)
    let scaled = far.qkv.map { 40 * $0 }
    let output = Buffer(count: 70 * 64)
    try launch(
      "attention_fma_d64_r64_f32", grid: (2, 1, 1), block: 128,
      shared: 4 * (96 * 68 + 36 * 64), .buffer(Buffer(Array(scaled[..<(70 * 192)]))),
      .buffer(nil), .buffer(output), .buffer(nil), .int(70), .int(1), .int(64),
      .float(far.scale))
    let expected = ReferenceOps.attention(Array(scaled[..<(70 * 192)]), tokens: 70, heads: 1)
    // Logits reach thousands, so that a rounding of 2^-24 of them moves a weight by some
    // thousandths.
    #expect(largestDifference(output.values, expected) < 80 * 2e-3)
  }

  @Test(arguments: sizes, Precision.allCases)
  func `class attention is the mean over heads of the first row`(
    size: Size, precision: Precision
  ) throws {
    let attention = DeviceAttention(
      tokens: size.tokens, heads: size.heads, headDim: size.headDim, precision, isSized: true,
      order: .backward)
    try attention.multiplyAdd(isSmall: true)
    let expected = attention.expectedWeights.flatMap { heads in
      (0..<size.tokens).map { j in heads.reduce(0) { $0 + $1[0][j] } / Double(size.heads) }
    }
    #expect(largestDifference(try attention.classAttention(), expected) < 2e-6)
  }

  @Test(arguments: sizes, HeadReduction.allCases)
  func `received attention sums the reduced heads over patch rows`(
    size: Size, reduction: HeadReduction
  ) throws {
    let prefix = 2
    for (precision, kernel) in [
      (Precision.f32, .fma), (.f16, .mma), (.bf16, .mma), (.bf16, .fma), (.f16, .heads),
      (.bf16, .heads), (.f32, .fmaHeads), (.f16, .fmaHeads),
    ] as [(Precision, DeviceAttention.ReceivedKernel)] {
      let attention = DeviceAttention(
        tokens: size.tokens, heads: size.heads, headDim: size.headDim, precision, isSized: true,
        order: kernel == .fma ? .backward : .shuffled)
      try attention.multiplyAdd(isSmall: false)
      let expected = attention.expectedWeights.flatMap { heads in
        (0..<size.tokens).map { j in
          (prefix..<size.tokens).reduce(0.0) { sum, i in
            let column = heads.map { $0[i][j] }
            switch reduction {
            case .max: return sum + (column.max() ?? 0)
            case .sum: return sum + column.reduce(0, +)
            case .mean: return sum + column.reduce(0, +) / Double(size.heads)
            }
          }
        }
      }
      let found = try attention.receivedAttention(prefix: prefix, reduction, by: kernel)
      #expect(largestDifference(found.received, expected) < 2e-5)
      #expect(largestDifference(found.features, attention.expectedFeatures) < 2e-5)
    }
  }
}
