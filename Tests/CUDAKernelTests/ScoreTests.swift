import CPUBackend
import Tensors
import Testing
import _TestSupport

/// Kernels of scores.cu against the processor's results.
@Suite struct KernelScoreTests {
  private let backend: CPUBackend

  init() throws {
    backend = try CPUBackend(threads: 1)
    try backend.reserve(
      ScratchLimits(
        embedDim: 2, hiddenDim: 1, patchValues: 1, tokens: 600, heads: 1, batchSize: 4))
  }

  @Test func `random scores are the processor's, bit for bit`() throws {
    let keys: [UInt64] = [0, 7, .max, 1 << 40]
    for (seed, tokens) in [(UInt64(0), 5), (.max, 300)] {
      let expected = try backend.allocate(Shape(4, tokens), .float32)
      backend.randomScores(seed: seed, imageKeys: keys, into: expected)
      let scores = Buffer(count: 4 * tokens)
      try launch(
        "random_scores", grid: (parts(tokens, 256), 4, 1), block: 256,
        .buffer(Buffer(keys: keys)), .unsigned(seed), .int(tokens), .buffer(scores))
      #expect(scores.values == backend.values(expected))
    }
  }

  @Test(arguments: [(3, 16), (2, 80), (1, 128)], Precision.allCases)
  func `feature scores and the key metric are the processor's`(
    size: (heads: Int, headDim: Int), precision: Precision
  ) throws {
    let (tokens, width) = (7, size.heads * size.headDim)
    let qkv = randomFloats(2 * tokens * 3 * width, seed: 1).map(precision.rounded)
    let input = try backend.tensor(qkv, Shape(2, tokens, 3 * width))
    for feature in [AttentionFeature.query, .key, .value] {
      for (index, reduction) in [HeadReduction.max, .mean, .sum].enumerated() {
        let expected = try backend.allocate(Shape(2, tokens), .float32)
        backend.featureScores(
          input, heads: size.heads, feature: feature, reduction: reduction, into: expected)
        let scores = Buffer(count: 2 * tokens)
        try launch(
          "feature_scores_\(precision)", grid: (parts(2 * tokens, 4), 1, 1), block: 128,
          .buffer(Buffer(qkv, precision)), .int(2 * tokens), .int(size.heads), .int(size.headDim),
          .int(feature.rawValue), .int(index), .buffer(scores))
        #expect(
          largestDifference(scores.values, backend.values(expected).map(Double.init)) < 2e-5)
      }
    }
    let expected = try backend.allocate(Shape(2, tokens, size.headDim), .float32)
    backend.keyMetric(input, heads: size.heads, into: expected)
    let metric = Buffer(count: 2 * tokens * size.headDim)
    try launch(
      "key_metric_\(precision)", grid: (parts(2 * tokens, 4), 1, 1), block: 128,
      .buffer(Buffer(qkv, precision)), .int(2 * tokens), .int(size.heads), .int(size.headDim),
      .buffer(metric))
    #expect(largestDifference(metric.values, backend.values(expected).map(Double.init)) < 1e-6)
  }

  @Test(arguments: [9, 300], ScoreNormalization.allCases)
  func `the tail-effect score is the processor's, whichever parts it has`(
    tokens: Int, normalization: ScoreNormalization
  ) throws {
    let (batch, prefix) = (4, 2)
    let attention = randomFloats(batch * tokens, seed: 1).map { abs($0) + 0.01 }
    let features = randomFloats(batch * tokens, seed: 2).map { 5 * $0 }
    for (hasAttention, hasFeatures) in [(true, true), (true, false), (false, true)] {
      let expected = try backend.allocate(Shape(batch, tokens), .float32)
      backend.combineScores(
        attention: hasAttention ? try backend.tensor(attention, Shape(batch, tokens)) : nil,
        features: hasFeatures ? try backend.tensor(features, Shape(batch, tokens)) : nil,
        prefixTokens: prefix, normalization: normalization, into: expected)
      let attended = hasAttention ? Buffer(attention) : nil
      var maxima: Buffer?
      if normalization == .batch, let attended {
        let buffer = Buffer(count: batch)
        try launch(
          "attention_maxima", grid: (batch, 1, 1), block: 256, shared: 128, order: .shuffled,
          .buffer(attended), .int(prefix), .int(tokens), .buffer(buffer))
        maxima = buffer
      }
      for order in Order.allCases {
        let scores = Buffer(count: batch * tokens)
        try launch(
          "combine_scores", grid: (batch, 1, 1), block: 256, shared: 128, order: order,
          .buffer(attended), .buffer(hasFeatures ? Buffer(features) : nil), .buffer(maxima),
          .int(batch), .int(prefix), .int(tokens), .buffer(scores))
        #expect(
          largestDifference(scores.values, backend.values(expected).map(Double.init)) < 1e-6)
      }
    }
  }
}
