/// A device that computes nothing and logs each operation with its shapes, multiply-adds and
/// traffic: a dry run.
///
/// Its tensors have sizes but no memory. The MACs, scratch memory and memory traffic of every model
/// come from here, and so does the input of simulated devices.
package final class CountingDevice: ObservedOps {
  package let activationType: DType
  package let precision: Precision
  /// Whether the blocks of a transformer are logged as one operation each, as devices fuse them, or
  /// as the operations that they are composed of.
  package let isFused: Bool

  /// In execution order.
  package private(set) var operations: [PassOperation] = []
  /// Bytes allocated so far: weights or activations.
  package private(set) var allocatedBytes = 0
  private var temporaries: [TemporarySlot: Int] = [:]

  package init(precision: Precision = .float32, activationType: DType? = nil, isFused: Bool = true)
  {
    self.precision = precision
    self.activationType = activationType ?? precision.storage
    self.isFused = isFused
  }

  /// Removes all logged operations.
  package func reset() { operations.removeAll(keepingCapacity: true) }

  package var base: (any Backend)? { nil }
  package var composesBlocks: Bool { !isFused }
  package let isDryRun = true

  package func observe(_ operation: PassOperation, _ body: (any Backend) -> Void) {
    operations.append(operation)
  }

  // MARK: Device

  package let name = "dry run"
  package let hardware = "none"
  package let threads = 1
  package let libraryDescription = "none"

  package func computing(at precision: Precision) throws -> any Backend {
    CountingDevice(precision: precision, isFused: isFused)
  }

  package func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    allocatedBytes += shape.count * dtype.byteCount
    return Self.tensor(shape, dtype)
  }

  package func temporary(_ slot: TemporarySlot, _ shape: Shape, _ dtype: DType) -> Tensor {
    temporaries[slot] = max(temporaries[slot] ?? 0, shape.count * dtype.byteCount)
    return Self.tensor(shape, dtype)
  }

  /// A tensor without memory; nothing reads its address.
  private static func tensor(_ shape: Shape, _ dtype: DType) -> Tensor {
    let bytes = max(1, shape.count * dtype.byteCount)
    let address = UnsafeMutableRawPointer(bitPattern: 64)
    guard let address else { preconditionFailure("64 is an address") }
    return Tensor(
      storage: Storage(address: address, byteCount: bytes) { _ in }, dtype: dtype, shape: shape)
  }

  package func makeLinear(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?, inputs: Int,
    outputs: Int
  ) throws(TensorsError) -> LinearParameters {
    LinearParameters(
      weight: try allocate(Shape(outputs, inputs), activationType),
      bias: try allocate(Shape(outputs), .float32), inputs: inputs, outputs: outputs)
  }

  package func makeConvolution(
    weight: UnsafeBufferPointer<Float>, bias: UnsafeBufferPointer<Float>?,
    _ extent: ConvolutionExtent
  ) throws(TensorsError) -> ConvolutionParameters {
    ConvolutionParameters(
      weight: try allocate(Shape(extent.weightCount), activationType),
      bias: try allocate(Shape(extent.outputs), .float32), extent: extent)
  }

  package func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor) {}
  package func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor) {}
  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>) {}
  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>) {}
  package func reserve(_ operations: [PassOperation]) throws(TensorsError) {}
  package func synchronize() {}
}
