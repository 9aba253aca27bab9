/// The element type of a tensor.
package enum DType: String, Sendable {
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int64 = "I64"
  case int32 = "I32"
  case uint8 = "U8"

  package var byteCount: Int {
    switch self {
    case .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16: 2
    case .uint8: 1
    }
  }
}

/// Memory of one device, freed with the last tensor that views it.
package final class Storage {
  /// The address on its device; a CPU's can be read.
  package let address: UnsafeMutableRawPointer
  package let byteCount: Int
  private let release: (UnsafeMutableRawPointer) -> Void

  package init(
    address: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping (UnsafeMutableRawPointer) -> Void
  ) {
    self.address = address
    self.byteCount = byteCount
    self.release = release
  }

  deinit { release(address) }
}

/// A dense row-major array in a device's memory: a view, cheap to copy.
package struct Tensor {
  package let storage: Storage
  package let dtype: DType
  package let shape: Shape

  package init(storage: Storage, dtype: DType, shape: Shape) {
    precondition(
      shape.count * dtype.byteCount <= storage.byteCount,
      "a view of \(shape) \(dtype) needs more than the \(storage.byteCount) bytes of its storage")
    self.storage = storage
    self.dtype = dtype
    self.shape = shape
  }

  /// The same memory from its start with another shape, which must not be larger than the storage.
  package func view(_ shape: Shape) -> Tensor {
    Tensor(storage: storage, dtype: dtype, shape: shape)
  }

  /// The number of elements in its storage.
  package var capacity: Int { storage.byteCount / dtype.byteCount }

  /// The elements, for a backend whose memory the CPU can access.
  package var floats: UnsafeMutablePointer<Float> {
    assert(dtype == .float32)
    return storage.address.assumingMemoryBound(to: Float.self)
  }

  /// The elements of an index tensor, for a backend whose memory the CPU can access.
  package var integers: UnsafeMutablePointer<Int32> {
    assert(dtype == .int32)
    return storage.address.assumingMemoryBound(to: Int32.self)
  }
}
