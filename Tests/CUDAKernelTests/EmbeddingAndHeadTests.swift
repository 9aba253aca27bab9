import CPUBackend
import Tensors
import Testing
import _TestSupport

/// Kernels of embed.cu and token_pooling.cu.
@Suite struct EmbeddingAndHeadTests {
  /// Side and patch: an even patch, an odd number of patches, and a side that no patch divides.
  @Test(arguments: [(32, 16), (28, 14), (25, 8)], Precision.allCases)
  func `patches are unfolded as the convolution's weight is`(
    size: (side: Int, patch: Int), precision: Precision
  ) throws {
    let (side, patch) = size
    let (grid, inputs) = (side / patch, 3 * patch * patch)
    let (patches, padded) = (grid * grid, parts(inputs, 8) * 8)
    let images = randomFloats(2 * 3 * side * side, seed: 1)
    let rows = Buffer(count: 2 * patches * padded, precision)
    try launch(
      "patch_gather_\(precision)", grid: (patches, 2, 1), block: 128, order: .shuffled,
      .buffer(Buffer(images)), .buffer(rows), .int(side), .int(patch), .int(padded))
    let expected = (0..<(2 * patches * padded)).map { index -> Float in
      let (row, i) = (index / padded, index % padded)
      guard i < inputs else { return 0 }
      let (image, at) = (row / patches, row % patches)
      let (channel, y, x) = (i / (patch * patch), i / patch % patch, i % patch)
      let line = (image * 3 + channel) * side + at / grid * patch + y
      return precision.rounded(images[line * side + at % grid * patch + x])
    }
    #expect(largestDifference(rows.values, expected.map(Double.init)) == 0)
  }

  @Test(arguments: [20, 64], Precision.allCases)
  func `tokens are the prefix and the patches with their positions`(
    width: Int, precision: Precision
  ) throws {
    let (patches, prefix) = (9, 2)
    let product = randomFloats(2 * patches * width, seed: 1).map(precision.rounded)
    let positions = randomFloats(patches * width, seed: 2)
    let special = randomFloats(prefix * width, seed: 3)
    let tokens = Buffer(count: 2 * (patches + prefix) * width, precision)
    try launch(
      "embed_tokens_\(precision)", grid: (parts(patches + prefix, 4), 2, 1), block: 128,
      .buffer(Buffer(product, precision)), .buffer(Buffer(positions)), .buffer(Buffer(special)),
      .buffer(tokens), .int(patches), .int(prefix), .int(width))
    var expected: [Float] = []
    for image in 0..<2 {
      expected += special.map(precision.rounded)
      for index in 0..<(patches * width) {
        let sum = product[image * patches * width + index] + positions[index]
        expected.append(precision.rounded(sum))
      }
    }
    #expect(largestDifference(tokens.values, expected.map(Double.init)) == 0)
  }

  @Test(arguments: [24, 70, 384], Precision.allCases)
  func `the head reads the processor's features`(width: Int, precision: Precision) throws {
    let (batch, tokens, prefix) = (3, 11, 2)
    let stream = randomFloats(batch * tokens * width, seed: 1).map { precision.rounded(2 * $0) }
    let (weight, bias) = (randomFloats(width, seed: 2), randomFloats(width, seed: 3))
    let backend = try CPUBackend(threads: 1)
    try backend.reserve(
      ScratchLimits(
        embedDim: width, hiddenDim: 1, patchValues: 1, tokens: tokens, heads: 1, batchSize: batch))
    let norm = LayerNormParameters(
      weight: try backend.tensor(weight, Shape(width)),
      bias: try backend.tensor(bias, Shape(width)), epsilon: 1e-6)
    func expected(_ kind: TokenPooling) throws -> [Double] {
      let features = try backend.allocate(Shape(batch, 2 * width), .float32)
      let input = try backend.tensor(stream, Shape(batch, tokens, width))
      backend.poolTokens(input, norm: norm, kind, into: features)
      return backend.values(features).map(Double.init)
    }
    let tolerance = max(2e-6, 4 * precision.epsilon)
    let input = Buffer(stream, precision)
    let (w, b) = (Buffer(weight), Buffer(bias))

    func readPrefix(_ count: Int, into features: Buffer) throws {
      try launch(
        "pool_tokens_prefix_\(precision)", grid: (parts(batch * count, 4), 1, 1), block: 128,
        .buffer(input), .buffer(w), .buffer(b), .float(1e-6), .int(batch), .int(tokens),
        .int(count), .int(width), .buffer(features), .int(2 * width))
    }
    let two = Buffer(count: batch * 2 * width, precision)
    try readPrefix(2, into: two)
    #expect(largestDifference(two.values, try expected(.prefix(count: 2))) < tolerance)

    let statistics = Buffer(count: batch * tokens * 2)
    try launch(
      "row_statistics_\(precision)", grid: (parts(batch * tokens, 4), 1, 1), block: 128,
      .buffer(input), .float(1e-6), .int(batch * tokens), .int(width), .buffer(statistics))
    let mean = Buffer(count: batch * 2 * width, precision)
    try readPrefix(1, into: mean)
    try launch(
      "pool_tokens_mean_\(precision)", grid: (parts(width, 64), batch, 1), block: 256, shared: 2048,
      order: .shuffled, .buffer(input), .buffer(statistics), .buffer(w), .buffer(b), .int(prefix),
      .int(tokens), .int(width), .offset(mean, elements: width), .int(2 * width))
    #expect(
      largestDifference(mean.values, try expected(.classAndPatchMean(prefixTokens: prefix)))
        < tolerance)
  }
}
