import Tensors
import Testing
import _TestSupport

@testable import CPUBackend

/// Linear layers and what is fused into them, against plain loops in double precision.
///
/// From 1 to 1,100 rows, with few and many weights, they cover every way of dividing the work: by
/// columns, by rows and columns, and by rows only.
@Suite struct LinearTests {
  static let cases: [(rows: Int, threads: Int)] = [1, 3, 37, 197, 330, 700].flatMap { rows in
    [1, 2, 3].map { (rows, $0) }
  }

  @Test(arguments: cases)
  func `a projection of normalized rows matches the reference`(rows: Int, threads: Int) throws {
    try checkProjection(rows: rows, threads: threads, inputs: 48, outputs: 80)
  }

  /// More weights than fit into a worker's cache, so that workers share the panels of few rows.
  @Test(arguments: [(37, 2), (197, 2), (197, 3)])
  func `a projection with many weights matches the reference`(rows: Int, threads: Int) throws {
    try checkProjection(rows: rows, threads: threads, inputs: 300, outputs: 520)
  }

  private func checkProjection(rows: Int, threads: Int, inputs: Int, outputs: Int) throws {
    let backend = try backend(rows: rows, threads: threads, inputs: inputs, hidden: outputs)
    let x = randomFloats(rows * inputs, seed: 1)
    let weight = randomFloats(inputs * outputs, seed: 2)
    let bias = randomFloats(outputs, seed: 3)
    let (scale, shift) = (randomFloats(inputs, seed: 4), randomFloats(inputs, seed: 5))
    let output = try backend.allocate(Shape(rows, outputs), .float32)
    let norm = LayerNormParameters(
      weight: try backend.tensor(scale, Shape(inputs)),
      bias: try backend.tensor(shift, Shape(inputs)), epsilon: 1e-6)

    backend.project(
      try backend.tensor(x, Shape(rows, inputs)), norm: norm, try backend.linear(weight, bias),
      into: output)

    let normalized = ReferenceOps.layerNorm(x, scale, shift, epsilon: 1e-6).map(Float.init)
    let expected = ReferenceOps.linear(normalized, weight, bias, inputs: inputs)
    let maximum = expected.map(abs).max() ?? 1
    #expect(largestDifference(backend.values(output), expected) < 1e-6 * max(10, maximum))
  }

  @Test(arguments: cases)
  func `a residual projection adds to the stream`(rows: Int, threads: Int) throws {
    let width = 40
    let backend = try backend(rows: rows, threads: threads, inputs: width, hidden: width)
    let x = randomFloats(rows * width, seed: 1)
    let stream = randomFloats(rows * width, seed: 6)
    let weight = randomFloats(width * width, seed: 2)
    let bias = randomFloats(width, seed: 3)
    let target = try backend.tensor(stream, Shape(rows, width))

    backend.projectResidual(
      try backend.tensor(x, Shape(rows, width)), try backend.linear(weight, bias), onto: target)

    let expected = zip(ReferenceOps.linear(x, weight, bias, inputs: width), stream)
      .map { $0 + Double($1) }
    #expect(largestDifference(backend.values(target), expected) < 1e-5)
  }

  @Test(arguments: cases, [HiddenActivation.gelu, .swiglu])
  func `a feed-forward network matches the reference`(
    size: (rows: Int, threads: Int), activation: HiddenActivation
  ) throws {
    try checkFeedForward(size, activation, width: 32, inner: 56)
  }

  /// Widths whose rows would map to the same cache sets, so that scratch rows are padded; more rows
  /// than a slab has.
  @Test(arguments: [(rows: 5, threads: 2), (2100, 2)], [HiddenActivation.gelu, .swiglu])
  func `a feed-forward network with padded rows matches the reference`(
    size: (rows: Int, threads: Int), activation: HiddenActivation
  ) throws {
    try checkFeedForward(size, activation, width: 8, inner: activation == .gelu ? 1024 : 512)
  }

  /// More weights than fit into a worker's cache, with fewer and with more rows than fusion needs.
  @Test(arguments: [(rows: 37, threads: 3), (197, 2)], [HiddenActivation.gelu, .swiglu])
  func `a feed-forward network with many weights matches the reference`(
    size: (rows: Int, threads: Int), activation: HiddenActivation
  ) throws {
    try checkFeedForward(size, activation, width: 44, inner: 1800)
  }

  /// Hidden rows so wide that only few fit into a worker's cache, and more rows than a slab has.
  @Test(arguments: [HiddenActivation.gelu, .swiglu])
  func `a feed-forward network with wide hidden rows matches the reference`(
    activation: HiddenActivation
  )
    throws
  {
    try checkFeedForward((1030, 2), activation, width: 28, inner: activation == .gelu ? 5400 : 2700)
  }

  private func checkFeedForward(
    _ size: (rows: Int, threads: Int), _ activation: HiddenActivation, width: Int, inner: Int
  ) throws {
    let rows = size.rows
    let wide = activation == .swiglu ? 2 * inner : inner
    let backend = try backend(rows: rows, threads: size.threads, inputs: width, hidden: wide)
    let x = randomFloats(rows * width, seed: 1)
    let (w1, b1) = (randomFloats(wide * width, seed: 2), randomFloats(wide, seed: 3))
    let (w2, b2) = (randomFloats(width * inner, seed: 4), randomFloats(width, seed: 5))
    let ones = [Float](repeating: 1, count: width)
    let zeros = [Float](repeating: 0, count: width)
    let stream = try backend.tensor(x, Shape(rows, width))

    backend.feedForward(
      stream,
      FeedForwardParameters(
        norm: LayerNormParameters(
          weight: try backend.tensor(ones, Shape(width)),
          bias: try backend.tensor(zeros, Shape(width)), epsilon: 1e-6),
        fc1: try backend.linear(w1, b1), activation: activation, fc2: try backend.linear(w2, b2)))

    let normalized = ReferenceOps.layerNorm(x, ones, zeros, epsilon: 1e-6).map(Float.init)
    let first = ReferenceOps.linear(normalized, w1, b1, inputs: width)
    let active = (0..<rows).flatMap { row in
      (0..<inner).map { c in
        let a = first[row * wide + c]
        return Float(
          activation == .gelu
            ? ReferenceOps.gelu(a) : ReferenceOps.silu(a) * first[row * wide + inner + c])
      }
    }
    let expected = zip(ReferenceOps.linear(active, w2, b2, inputs: inner), x)
      .map { $0 + Double($1) }
    // A gate multiplies two sums, so the values are large and the tolerance is relative.
    let maximum = expected.map(abs).max() ?? 1
    // Rounding errors of a sum grow with the square root of its length.
    let tolerance = max(2e-6, 1e-7 * Double(inner).squareRoot()) * maximum
    #expect(largestDifference(backend.values(stream), expected) < tolerance)
  }

  private func backend(rows: Int, threads: Int, inputs: Int, hidden: Int) throws -> CPUBackend {
    let backend = try CPUBackend(threads: threads)
    try backend.reserve(
      ScratchLimits(
        embedDim: inputs, hiddenDim: hidden, patchValues: 1, tokens: rows, heads: 1, batchSize: 1))
    return backend
  }
}
