import CKernels
import Foundation
import Tensors

/// `Backend` on the processor, on the kernels of `CKernels`.
///
/// Each operation is one fork-join region, or a few, whose tasks go to the worker that is free.
package final class CPUBackend: Backend {
  package let name = "cpu"
  package let hardware: String
  package let threads: Int
  package let libraryDescription: String

  private let pool: OpaquePointer
  /// One scratch area for each worker.
  var scratch: [Scratch]
  /// Shared by the workers of one attention: partial sums and class rows.
  var shared: Tensor
  /// Keys and values of all heads of a few images, packed.
  var sharedPacked: Tensor
  /// Normalized rows of a whole batch.
  var sharedNormalized: Tensor
  /// Hidden rows of a feed-forward network that all workers share.
  var sharedHidden: Tensor
  /// Intermediates of composed operations, by slot.
  private var temporaries = [Tensor?](repeating: nil, count: TemporarySlot.allCases.count)

  /// Starts the workers.
  ///
  /// `threads == nil` takes one for each core that the process may use.
  /// Errors: `CPUBackendError.threadsUnavailable`, `TensorsError.outOfMemory`.
  package init(threads: Int? = nil) throws {
    let count = max(1, threads ?? Processor.availableCores)
    hardware = Processor.name
    self.threads = count
    libraryDescription = "lab \(String(cString: lab_product_kernels()))"
    guard let pool = lab_pool_create(Int32(count)) else {
      throw CPUBackendError.threadsUnavailable(count: count)
    }
    self.pool = pool
    let empty = try Self.allocate(Shape(1), .float32)
    shared = empty
    sharedPacked = empty
    sharedNormalized = empty
    sharedHidden = empty
    scratch = []
    scratch = try (0..<count).map { _ in try Scratch() }
  }

  deinit { lab_pool_destroy(pool) }

  package func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    try Self.allocate(shape, dtype)
  }

  static func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    let bytes = max(64, shape.count * dtype.byteCount)
    var address: UnsafeMutableRawPointer?
    // A page's alignment serves every vector width and keeps two workers out of one cache line.
    guard posix_memalign(&address, 4096, bytes) == 0, let address else {
      throw .outOfMemory(bytes: bytes, device: "cpu")
    }
    return Tensor(
      storage: Storage(address: address, byteCount: bytes) { free($0) }, dtype: dtype,
      shape: shape)
  }

  package func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor) {
    guard let source = values.baseAddress else { return }
    tensor.floats.update(from: source, count: values.count)
  }

  package func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor) {
    guard let source = values.baseAddress else { return }
    tensor.integers.update(from: source, count: values.count)
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>) {
    values.baseAddress?.update(from: tensor.floats, count: values.count)
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>) {
    values.baseAddress?.update(from: tensor.integers, count: values.count)
  }

  /// Every operation has finished when it returns.
  package func synchronize() {}

  package func reserve(_ operations: [PassOperation]) throws(TensorsError) {
    let sizes = ScratchSizes(operations, threads: threads)
    for worker in 0..<threads { try scratch[worker].reserve(sizes) }
    try Scratch.grow(&shared, sizes.sharedPartials)
    try Scratch.grow(&sharedPacked, sizes.sharedPacked)
    try Scratch.grow(&sharedNormalized, sizes.sharedNormalized)
    try Scratch.grow(&sharedHidden, sizes.sharedHidden)
  }

  package func temporary(_ slot: TemporarySlot, _ shape: Shape, _ dtype: DType) -> Tensor {
    let bytes = shape.count * dtype.byteCount
    if let known = temporaries[slot.rawValue], known.storage.byteCount >= bytes {
      return Tensor(storage: known.storage, dtype: dtype, shape: shape)
    }
    do throws(TensorsError) {
      let grown = try Self.allocate(shape, dtype)
      temporaries[slot.rawValue] = grown
      return grown
    } catch {
      // As the standard library does where an array cannot grow.
      fatalError("\(error)")
    }
  }

  /// Runs a C function on every worker with the address of `region`; see `ParallelRegion`.
  func run<Region: ParallelRegion>(
    _ region: Region, _ body: @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void
  ) {
    var region = region
    withUnsafeMutablePointer(to: &region) { lab_pool_run(pool, body, $0) }
  }

  /// The next task of the running region that no worker has taken, `nil` when `count` are.
  @inline(__always)
  func nextTask(below count: Int) -> Int? {
    let task = lab_pool_next(pool)
    return task < count ? task : nil
  }

  /// The share of `total` items that a worker takes: contiguous, the same for the same total in
  /// every operation.
  func share(of total: Int, worker: Int) -> Range<Int> {
    (total * worker / threads)..<(total * (worker + 1) / threads)
  }
}

/// What can go wrong before the first operation.
package enum CPUBackendError: Error, Hashable, CustomStringConvertible {
  case threadsUnavailable(count: Int)
  /// The `blas` engine without a library.
  case blasUnavailable(reason: String)
  /// A library whose products are not those of a plain loop.
  case blasIsWrong(library: String, shape: String, difference: Float)

  package var description: String {
    switch self {
    case .threadsUnavailable(let count):
      "cpu: the system does not give \(count) threads; ask for fewer with \"threads\""
    case .blasUnavailable(let reason):
      "cpu: no BLAS for the engine \"blas\" (\(reason)); install libopenblas-dev, or take the engine "
        + "\"packed\""
    case .blasIsWrong(let library, let shape, let difference):
      "cpu: \(library) is wrong by \(difference) in a product of \(shape); take the engine "
        + "\"packed\", or other kernels by OPENBLAS_CORETYPE"
    }
  }
}
