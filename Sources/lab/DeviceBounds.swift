import Measurement
import Tensors

/// How fast a device multiplies and how fast it moves memory: the two roofs of the roofline model.
///
/// Source: Williams, Waterman, Patterson: Roofline, doi:10.1145/1498765.1498785.
struct DeviceBounds {
  let flopsPerSecond: Double
  let bytesPerSecond: Double

  init(flopsPerSecond: Double, bytesPerSecond: Double) {
    self.flopsPerSecond = flopsPerSecond
    self.bytesPerSecond = bytesPerSecond
  }

  /// Measures both with the backend's own operations: the best of several large products and of
  /// several large gathers.
  ///
  /// Errors: `TensorsError.outOfMemory`.
  init(of backend: any Backend, stopwatch: some Stopwatch) throws {
    func best(_ repeats: Int, _ operation: () -> Void) -> Double {
      (0..<repeats).map { _ in
        let start = stopwatch.now
        operation()
        backend.synchronize()
        return (stopwatch.now - start).inSeconds
      }.min() ?? 0
    }
    let width = 1024
    let weights = [Float](repeating: 0.01, count: width * width)
    let linear = try weights.withUnsafeBufferPointer {
      try backend.makeLinear(weight: $0, bias: nil, inputs: width, outputs: width)
    }
    // More than the caches hold: 64 images of 257 tokens are 67 MB.
    let (images, tokens) = (64, 257)
    let (from, to) = (
      try backend.allocate(Shape(images, tokens, width), .float32),
      try backend.allocate(Shape(images, tokens, width), .float32)
    )
    weights.withUnsafeBufferPointer { row in
      backend.upload(row, to: from.view(Shape(1, width, width)))
    }
    let rows = (from.view(Shape(width, width)), to.view(Shape(width, width)))
    // Equal scores keep every token in its place.
    let scores = try backend.allocate(Shape(images, tokens), .float32)
    let assignment = TokenAssignment(
      offsets: try backend.allocate(Shape(images, tokens + 1), .int32),
      sources: try backend.allocate(Shape(images, tokens), .int32), batchSize: images,
      tokensIn: tokens, tokensOut: tokens)
    func multiply(_ device: any Backend) {
      device.project(rows.0, norm: nil, linear, into: rows.1)
    }
    func order(_ device: any Backend) {
      device.resetSizes(scores)
      device.selectTokens(
        scores, prefixTokens: 1, keep: tokens - 1, fuse: false, into: assignment)
    }
    func copy(_ device: any Backend) {
      device.assemble(
        from, assignment, weighting: .mean, scores: nil, sizes: nil, into: to, outputSizes: nil)
    }
    let counting = CountingDevice(
      precision: backend.precision, activationType: backend.activationType)
    for operation in [multiply, order, copy] { operation(counting) }
    try backend.reserve(counting.operations)
    let product = best(8) { multiply(backend) }
    order(backend)
    let copied = best(6) { copy(backend) }
    flopsPerSecond = 2 * Double(width * width * width) / product
    bytesPerSecond = 2 * 4 * Double(from.shape.count) / copied
  }

  /// FLOPs a byte at which both roofs meet.
  var balance: Double { flopsPerSecond / bytesPerSecond }

  func isMemoryBound(_ cost: OperationCost) -> Bool {
    Double(cost.flops) < balance * Double(cost.bytes)
  }

  /// The least time that the bounds allow.
  func leastSeconds(_ cost: OperationCost) -> Double {
    max(Double(cost.flops) / flopsPerSecond, Double(cost.bytes) / bytesPerSecond)
  }
}
