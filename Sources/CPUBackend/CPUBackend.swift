import CKernels
import Foundation
import Support
import Tensors

/// `Backend` on the CPU, using the kernels of `CKernels` or the system's BLAS.
///
/// Each operation is one or a few fork-join regions on the thread pool.
package final class CPUBackend: Backend {
  package let name = "cpu"
  package let hardware: String
  package let threads: Int
  package let precision: Precision
  package let engines: EngineChoice

  /// The GEMM of linear layers.
  let linearGEMM: GEMM
  /// The GEMM of attention; never int8, because a single scale per row would round most attention
  /// weights to zero.
  let attentionGEMM: GEMM

  let pool: OpaquePointer
  /// One scratch area for each worker.
  var scratch: [Scratch]
  /// Shared by the workers of one attention: partial sums, or the class token's rows.
  var shared: Tensor
  /// Packed keys and values of all heads of a few images.
  var sharedPacked: Tensor
  /// Normalized rows of a whole batch.
  var sharedNormalized: Tensor
  /// Hidden rows of a feed-forward network whose workers share all rows.
  var sharedHidden: Tensor
  /// Rows of a whole batch, rounded for a low-precision GEMM.
  var sharedOperand: Tensor
  /// Backends of the same CPU at other precisions.
  private var others: [Precision: CPUBackend] = [:]
  /// Intermediates of composed operations, by slot.
  private var temporaries = [Tensor?](repeating: nil, count: TemporarySlot.allCases.count)

  /// Starts the workers.
  ///
  /// - Parameters:
  ///   - threads: The number of workers; `nil` starts one for each core that the process may use.
  ///   - engines: The GEMM engines for float32.
  ///   - precision: The precision of GEMMs.
  /// - Throws: `CPUBackendError.threadsUnavailable`, `.engineIsFloat32`,
  ///   `TensorsError.outOfMemory`, `.precisionUnavailable`.
  package init(
    threads: Int? = nil, engines: EngineChoice = .packed, precision: Precision = .float32
  ) throws {
    let count = max(1, threads ?? Processor.availableCores)
    hardware = Processor.name
    self.threads = count
    self.engines = engines
    self.precision = precision
    (linearGEMM, attentionGEMM) = try engines.gemms(precision)
    guard let pool = lab_pool_create(Int32(count)) else {
      throw CPUBackendError.threadsUnavailable(count: count)
    }
    self.pool = pool
    let empty = try Self.allocate(Shape(1), .float32)
    shared = empty
    sharedPacked = empty
    sharedNormalized = empty
    sharedHidden = empty
    sharedOperand = empty
    scratch = []
    scratch = try (0..<count).map { _ in try Scratch() }
  }

  deinit { lab_pool_destroy(pool) }

  /// Activations are float32 at every precision.
  package var activationType: DType { .float32 }

  package var engine: String? { precision == .float32 ? engines.name : nil }

  package var libraryDescription: String { engines.description(precision) }

  package func using(engine: String) throws -> any Backend {
    let chosen = try EngineChoice.named(engine, device: name)
    return chosen == engines
      ? self : try CPUBackend(threads: threads, engines: chosen, precision: precision)
  }

  package func computing(at precision: Precision) throws -> any Backend {
    if precision == self.precision { return self }
    if let known = others[precision] { return known }
    let other = try CPUBackend(threads: threads, engines: engines, precision: precision)
    others[precision] = other
    return other
  }

  package func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    try Self.allocate(shape, dtype)
  }

  static func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    let bytes = max(64, shape.count * dtype.byteCount)
    var address: UnsafeMutableRawPointer?
    // Page alignment suits every vector width and keeps two workers from sharing a cache line.
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

  /// Does nothing: every operation is finished when it returns.
  package func synchronize() {}

  package func reserve(_ operations: [PassOperation]) throws(TensorsError) {
    let sizes = ScratchSizes(operations, threads: threads, linearGEMM)
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
      // Like the standard library when an array cannot grow.
      fatalError("\(error)")
    }
  }

  /// Enlarges every worker's memory for rounded rows if needed, which happens only in a model's
  /// first pass.
  func reserveOperands(rows: Int, k: Int) {
    guard linearGEMM.roundsRows else { return }
    let count = Operand.floats(rows: rows, k: k)
    guard scratch[0].operand.shape.count < count else { return }
    Self.growing { () throws(TensorsError) in
      for worker in 0..<threads { try scratch[worker].growOperand(count) }
    }
  }

  /// Enlarges the shared memory for rounded rows if needed.
  func reserveSharedOperand(rows: Int, k: Int) {
    let count = Operand.floats(rows: rows, k: k)
    guard sharedOperand.shape.count < count else { return }
    Self.growing { () throws(TensorsError) in try Scratch.grow(&sharedOperand, count) }
  }

  /// Stops the program if there is no memory, like the standard library when an array cannot grow.
  static func growing(_ body: () throws(TensorsError) -> Void) {
    do throws(TensorsError) {
      try body()
    } catch {
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

  /// The next of `count` tasks of the running region, or `nil` if none is left: first from the
  /// worker's own share, then what other workers have not started.
  @inline(__always)
  func nextTask(below count: Int, worker: Int) -> Int? {
    let task = lab_pool_take(pool, Int32(worker), count)
    return task < count ? task : nil
  }

  /// The contiguous share of `total` items of a worker; the same for the same total in every
  /// operation.
  func share(of total: Int, worker: Int) -> Range<Int> {
    (total * worker / threads)..<(total * (worker + 1) / threads)
  }
}

/// Errors before the first operation.
package enum CPUBackendError: Error, Hashable, CustomStringConvertible {
  case threadsUnavailable(count: Int)
  /// The `blas` engine was requested, but there is no library.
  case blasUnavailable(reason: String)
  /// The library's products differ from those of our kernels.
  case blasIsWrong(library: String, shape: String, difference: Float)
  /// The `blas` engine was requested at another precision than float32.
  case engineIsFloat32(precision: Precision)

  /// The problem without advice.
  var reason: String {
    switch self {
    case .blasUnavailable(let reason): reason
    case .blasIsWrong(let library, let shape, let difference):
      "\(library) is wrong by \(difference) in a GEMM of \(shape)"
    case .threadsUnavailable, .engineIsFloat32: description
    }
  }

  package var description: String {
    switch self {
    case .threadsUnavailable(let count):
      "cpu: the system cannot start \(count) threads; request fewer with \"threads\""
    case .blasUnavailable(let reason):
      "cpu: no BLAS for the engine \"blas\" (\(reason)); install libopenblas-dev, or use the engine "
        + "\"packed\""
    case .blasIsWrong:
      "cpu: \(reason); use the engine \"packed\", or select other kernels with OPENBLAS_CORETYPE"
    case .engineIsFloat32(let precision):
      "cpu: the engine \"blas\" computes only float32, not \(precision.rawValue); use the engine "
        + "\"packed\""
    }
  }
}
