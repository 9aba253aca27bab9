import Measurement
import Tensors

/// The peak arithmetic rate and memory bandwidth of a device: the two bounds of the roofline model.
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
  /// A device that captures passes times many calls between two events of its own clock, and
  /// multiplies larger matrices, because a single small product would measure the launch overhead.
  ///
  /// - Parameter width: The number of rows and columns of the matrices, if they fit its memory.
  /// - Throws: `TensorsError.outOfMemory`.
  init(of backend: any Backend, stopwatch: some Stopwatch, width: Int? = nil) throws {
    let product = try Self.product(
      backend, width: width ?? (backend.capturesPasses ? 8192 : 1024), stopwatch: stopwatch)
    flopsPerSecond = product
    bytesPerSecond = try Self.copy(backend, stopwatch: stopwatch)
  }

  /// Seconds of one operation, the best of several trials.
  static func seconds(
    _ backend: any Backend, calls: Int, trials: Int, stopwatch: some Stopwatch,
    _ operation: () -> Void
  ) throws -> Double {
    // Outside of a graph first: algorithms are searched then.
    operation()
    backend.synchronize()
    try backend.check()
    if backend.capturesPasses,
      let graph = try backend.capture({ for _ in 0..<calls { operation() } })
    {
      let times = (0..<trials).compactMap { _ in graph.deviceTime(replays: 1)?.inSeconds }
      try backend.check()
      if let best = times.min(), best > 0 { return best / Double(calls) }
    }
    return (0..<trials).map { _ in
      let start = stopwatch.now
      operation()
      backend.synchronize()
      return (stopwatch.now - start).inSeconds
    }.min() ?? 0
  }

  private static func product(
    _ backend: any Backend, width: Int, stopwatch: some Stopwatch
  ) throws -> Double {
    let weights = [Float](repeating: 0.01, count: width * width)
    let type = backend.activationType
    let (linear, from, to): (LinearParameters, Tensor, Tensor)
    do {
      linear = try weights.withUnsafeBufferPointer {
        try backend.makeLinear(weight: $0, bias: nil, inputs: width, outputs: width)
      }
      (from, to) = (
        try backend.allocate(Shape(width, width), type),
        try backend.allocate(Shape(width, width), type)
      )
    } catch  where width > 1024 {
      return try product(backend, width: width / 2, stopwatch: stopwatch)
    }
    weights.withUnsafeBufferPointer { backend.upload($0, to: from) }
    let counting = CountingDevice(precision: backend.precision, activationType: type)
    counting.project(from, norm: nil, linear, into: to)
    try backend.reserve(counting.operations)
    let seconds = try seconds(backend, calls: 5, trials: 8, stopwatch: stopwatch) {
      backend.project(from, norm: nil, linear, into: to)
    }
    let side = Double(width)
    return 2 * side * side * side / seconds
  }

  private static func copy(_ backend: any Backend, stopwatch: some Stopwatch) throws -> Double {
    // More than the caches hold: 64 images of 257 tokens are 67 MB in float32; a card's caches hold
    // up to 126 MB.
    let (images, tokens, width) = (backend.hasFlushableCache ? 256 : 64, 257, 1024)
    let type = backend.activationType
    let (from, to) = (
      try backend.allocate(Shape(images, tokens, width), type),
      try backend.allocate(Shape(images, tokens, width), type)
    )
    let zeros = [Float](repeating: 0, count: from.shape.count)
    zeros.withUnsafeBufferPointer { backend.upload($0, to: from) }
    // Equal scores keep every token in its place.
    let scores = try backend.allocate(Shape(images, tokens), .float32)
    let assignment = TokenAssignment(
      offsets: try backend.allocate(Shape(images, tokens + 1), .int32),
      sources: try backend.allocate(Shape(images, tokens), .int32), batchSize: images,
      tokensIn: tokens, tokensOut: tokens)
    func order(_ device: any Backend) {
      device.resetSizes(scores)
      device.selectTokens(
        scores, prefixTokens: 1, keep: tokens - 1, fuse: false, into: assignment)
    }
    func copy(_ device: any Backend) {
      device.assemble(
        from, assignment, weighting: .mean, scores: nil, sizes: nil, into: to, outputSizes: nil)
    }
    let counting = CountingDevice(precision: backend.precision, activationType: type)
    for operation in [order, copy] { operation(counting) }
    try backend.reserve(counting.operations)
    order(backend)
    let seconds = try seconds(backend, calls: 10, trials: 6, stopwatch: stopwatch) {
      copy(backend)
    }
    return 2 * Double(type.byteCount) * Double(from.shape.count) / seconds
  }

  /// The FLOPs per byte at which both bounds are equal.
  var balance: Double { flopsPerSecond / bytesPerSecond }

  func isMemoryBound(_ cost: OperationCost) -> Bool {
    Double(cost.flops) < balance * Double(cost.bytes)
  }

  /// The minimum time that the bounds allow.
  func minSeconds(_ cost: OperationCost) -> Double {
    max(Double(cost.flops) / flopsPerSecond, Double(cost.bytes) / bytesPerSecond)
  }
}
