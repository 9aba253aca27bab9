import CCUDA
import Files
import Foundation
import Records
import Tensors

/// `Backend` on an NVIDIA GPU: cuBLASLt for GEMM, our kernels for everything else, and one stream.
///
/// Operations are enqueued and never throw; `check()` throws the first error.
package final class CUDABackend: Backend {
  package let name: String
  package let precision: Precision
  package let card: CUDACard
  let kernels: KernelModules
  let gemm: GEMMLibrary
  var scratch: CUDAScratch
  var imageKeys: Tensor?
  /// Intermediates of composed operations, by slot.
  ///
  /// Captured graphs use them too, so replaced ones are kept in `outgrown`.
  private var temporaries = [Tensor?](repeating: nil, count: TemporarySlot.allCases.count)
  private var outgrown: [Tensor] = []
  private let cache: CacheFolder
  private var arena: Arena?
  private var measuredScratch = 0
  private var flushMemory: MemoryChunk?
  private var staging: MemoryChunk?
  /// The selected variant of a layer, by its number of rows.
  var chosenWays: [WayPlace: [Int: Int]] = [:]
  /// Variants that are not used because their result was wrong on this card: why, by their name.
  var refusedWays: [String: String] = [:]
  /// GEMMs for which the library has no GELU epilogue.
  var lacksFusedGELU: Set<GEMMShape> = []
  /// Whether GELU is the tanh approximation, which the library fuses.
  let hasTanhGELU: Bool
  /// GPU memory for 8-bit pixels and the table that normalizes them.
  private var pixelMemory: MemoryChunk?
  /// Whether operations are being captured, during which nothing can be timed.
  private(set) var isCapturing = false
  /// The kernels of the pass that is being captured; `nil` while none is.
  var launches: LaunchLog?
  /// What the kernels that are launched now compute, if their name does not say it.
  var currentWork: String?
  /// The same GPU at other precisions.
  private var others: [Precision: CUDABackend] = [:]
  private var withTanhGELU: CUDABackend?

  /// Opens `cuda` or `cuda:N`.
  ///
  /// - Throws: `CUDAError`, `TensorsError.doesNotFit`.
  package convenience init(
    device: String, precision: Precision = .float32, libraries: CUDALibraries? = nil,
    cache: CacheFolder = .ofThisUser("cuda")
  ) throws {
    let index = device.hasPrefix("cuda:") ? Int(device.dropFirst(5)) ?? 0 : 0
    let opened = try libraries ?? CUDALibraries.ofThisMachine()
    try self.init(
      name: device, card: try CUDACard(opened, index: index), precision: precision, cache: cache)
  }

  private init(
    name: String, card: CUDACard, precision: Precision, cache: CacheFolder,
    hasTanhGELU: Bool = false
  ) throws {
    self.hasTanhGELU = hasTanhGELU
    self.name = name
    self.card = card
    self.precision = precision
    self.cache = cache
    kernels = try KernelModules(card, storage: precision.storage, cache: cache)
    gemm = try GEMMLibrary(card, cache: cache)
    scratch = CUDAScratch()
  }

  package var hardware: String { card.facts.name }
  package var threads: Int { 0 }
  package var activationType: DType { precision.storage }
  package var driver: String? { card.driverDescription }
  package var libraryDescription: String {
    "\(gemm.description), \(kernels.description), CUDA "
      + CUDALibraries.version(card.libraries.driverVersion)
      + refusedWays.sorted { $0.key < $1.key }.map { "; \($0.value)" }.joined()
  }

  package func computing(at precision: Precision) throws -> any Backend {
    if precision == self.precision { return self }
    if let known = others[precision] { return known }
    guard DeviceKind.cuda.precisions.contains(precision) else {
      throw TensorsError.precisionUnavailable(
        precision, device: name, has: DeviceKind.cuda.precisions)
    }
    // bfloat16 came with Ampere; the kernels of older cards would not compile.
    guard precision != .bfloat16 && precision != .tf32 || card.facts.major >= 8 else {
      throw TensorsError.deviceFailed(
        "\(card.title): has compute capability \(card.facts.capability); \(precision.rawValue) "
          + "needs 8.0 or newer")
    }
    let other = try CUDABackend(
      name: name, card: card, precision: precision, cache: cache, hasTanhGELU: hasTanhGELU)
    others[precision] = other
    return other
  }

  /// The name of the engine with approximated GELU in `using(engine:)` and in records.
  package static let tanhGELU = "tanh_gelu"
  package var engine: String? { hasTanhGELU ? Self.tanhGELU : nil }

  package func using(engine: String) throws -> any Backend {
    switch engine {
    case DeviceKind.automaticEngine: return self
    case Self.tanhGELU:
      if hasTanhGELU { return self }
      if let withTanhGELU { return withTanhGELU }
      let other = try CUDABackend(
        name: name, card: card, precision: precision, cache: cache, hasTanhGELU: true)
      withTanhGELU = other
      return other
    default: throw TensorsError.engineUnavailable(engine: engine, device: name, has: [])
    }
  }

  package func check() throws { try card.takeFailure() }
  package func fail(_ error: any Error) { card.fail("capturing a pass", error) }
  package func state() -> GPUState? { card.state() }
  package func synchronize() { card.synchronize() }

  // MARK: Memory

  package func allocate(_ shape: Shape, _ dtype: DType) throws(TensorsError) -> Tensor {
    let bytes = max(1, shape.count * dtype.byteCount)
    let storage: Storage
    if let given = arena?.allocate(bytes: bytes) {
      storage = given
    } else {
      storage = try MemoryChunk(card, bytes: Arena.aligned(bytes)).storage(bytes: bytes)
    }
    return Tensor(storage: storage, dtype: dtype, shape: shape)
  }

  package func withArena<Result>(
    bytes: Int?, _ body: () throws -> Result
  ) throws -> Result {
    precondition(arena == nil, "arenas do not nest")
    defer {
      arena = nil
      measuredScratch = 0
      staging = nil
    }
    var needed = bytes ?? 0
    if bytes == nil {
      arena = Arena(chunk: nil)
      _ = try body()
      needed = arena?.used ?? 0
      let memory = card.memory()
      if memory.total > 0, needed + measuredScratch > memory.free {
        throw TensorsError.doesNotFit(
          needed: needed + measuredScratch, free: memory.free, total: memory.total,
          device: card.title)
      }
    }
    arena = Arena(chunk: try MemoryChunk(card, bytes: max(Arena.alignment, needed)))
    return try body()
  }

  package func reserve(_ operations: [PassOperation]) throws(TensorsError) {
    let wanted = CUDAScratch.Sizes(
      operations, type: activationType, multiprocessors: card.facts.multiprocessors
    ).union(scratch.sizes)
    guard wanted != scratch.sizes else { return }
    if let arena, arena.isMeasuring {
      measuredScratch = wanted.bytes
      return
    }
    // Captured graphs keep the previous scratch memory alive; otherwise it is freed before the new
    // one is allocated.
    scratch = CUDAScratch()
    let chunk = try MemoryChunk(card, bytes: wanted.bytes)
    scratch = CUDAScratch(wanted, chunk: chunk, type: activationType)
  }

  package func temporary(_ slot: TemporarySlot, _ shape: Shape, _ dtype: DType) -> Tensor {
    let bytes = shape.count * dtype.byteCount
    let known = temporaries[slot.rawValue]
    if let known, known.storage.byteCount >= bytes {
      return Tensor(storage: known.storage, dtype: dtype, shape: shape)
    }
    do throws(TensorsError) {
      let storage = try MemoryChunk(card, bytes: Arena.aligned(bytes)).storage(bytes: bytes)
      if let known { outgrown.append(known) }
      let grown = Tensor(storage: storage, dtype: dtype, shape: shape)
      temporaries[slot.rawValue] = grown
      return grown
    } catch {
      // The GPU refuses everything from here on, so nothing reads or writes there.
      card.fail("memory of an intermediate", error)
      guard let address = UnsafeMutableRawPointer(bitPattern: Arena.alignment) else {
        preconditionFailure("an alignment is an address")
      }
      return Tensor(
        storage: Storage(address: address, byteCount: max(1, bytes)) { _ in }, dtype: dtype,
        shape: shape)
    }
  }

  package var peakMemoryBytes: Int? { card.peakBytes }
  package func resetPeakMemory() { card.resetPeak() }

  /// Temporary memory for transfers between host and GPU.
  private func stage(bytes: Int) throws(TensorsError) -> UnsafeMutableRawPointer {
    if let staging, staging.bytes >= bytes { return staging.address }
    // The previous copy may still read it; the driver waits for that when it is freed.
    staging = nil
    let chunk = try MemoryChunk(card, bytes: max(bytes, 1 << 20))
    staging = chunk
    return chunk.address
  }

  package func upload(_ values: UnsafeBufferPointer<Float>, to tensor: Tensor) {
    guard let source = values.baseAddress else { return }
    if tensor.dtype == .float32 {
      card.copy(from: source, to: tensor.storage.address, bytes: 4 * values.count)
    } else {
      uploadConverted(values, to: tensor.storage.address)
    }
  }

  /// Rounds float32 values to the activation type on the GPU.
  func uploadConverted(_ values: UnsafeBufferPointer<Float>, to address: UnsafeMutableRawPointer) {
    guard let source = values.baseAddress else { return }
    do throws(TensorsError) {
      let staged = try stage(bytes: 4 * values.count)
      card.copy(from: source, to: staged, bytes: 4 * values.count)
      launch(
        activationType == .float16 ? "convert_f32_f16" : "convert_f32_bf16",
        grid: (Self.blocks(values.count, 2048), 1, 1), block: 256, .address(staged),
        .address(address), .long(values.count))
    } catch {
      card.fail("copying weights to the card", error)
    }
  }

  package var normalizesPixels: Bool { true }

  package func upload(
    _ pixels: UnsafeBufferPointer<UInt8>, normalizedBy table: UnsafeBufferPointer<Float>,
    to images: Tensor
  ) {
    let area = images.shape[2] * images.shape[3]
    let tableBytes = Arena.aligned(4 * table.count)
    guard let source = pixels.baseAddress, let values = table.baseAddress else { return }
    do throws(TensorsError) {
      if (pixelMemory?.bytes ?? 0) < tableBytes + pixels.count {
        pixelMemory = nil
        pixelMemory = try MemoryChunk(card, bytes: Arena.aligned(tableBytes + pixels.count))
      }
    } catch {
      return card.fail("memory of pixels", error)
    }
    guard let memory = pixelMemory else { return }
    card.copy(from: values, to: memory.address, bytes: 4 * table.count)
    card.copy(from: source, to: memory.address + tableBytes, bytes: pixels.count)
    launch(
      "normalize_pixels", grid: (Self.blocks(area, 256), pixels.count / (3 * area), 1), block: 256,
      .address(memory.address + tableBytes), .address(memory.address), .tensor(images), .int(area))
  }

  package func upload(_ values: UnsafeBufferPointer<Int32>, to tensor: Tensor) {
    guard let source = values.baseAddress else { return }
    card.copy(from: source, to: tensor.storage.address, bytes: 4 * values.count)
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Float>) {
    guard let target = values.baseAddress else { return }
    guard tensor.dtype != .float32 else {
      return card.copy(from: tensor.storage.address, to: target, bytes: 4 * values.count)
    }
    do throws(TensorsError) {
      let staged = try stage(bytes: 4 * values.count)
      launch(
        tensor.dtype == .float16 ? "convert_f16_f32" : "convert_bf16_f32",
        grid: (Self.blocks(values.count, 2048), 1, 1), block: 256,
        .address(tensor.storage.address), .address(staged), .long(values.count))
      card.copy(from: staged, to: target, bytes: 4 * values.count)
    } catch {
      card.fail("copying from the card", error)
    }
  }

  package func download(_ tensor: Tensor, to values: UnsafeMutableBufferPointer<Int32>) {
    guard let target = values.baseAddress else { return }
    card.copy(from: tensor.storage.address, to: target, bytes: 4 * values.count)
  }

  package func stageImageKeys(_ keys: UnsafeBufferPointer<UInt64>, in storage: Tensor) {
    imageKeys = storage
    guard let source = keys.baseAddress else { return }
    card.copy(from: source, to: storage.storage.address, bytes: 8 * keys.count)
  }

  // MARK: Captured passes

  package var capturesPasses: Bool { true }
  package var hasFlushableCache: Bool { card.facts.l2Bytes > 0 }

  package func capture(_ body: () -> Void) throws -> (any CapturedPass)? {
    gemm.saveChoices()
    launches = LaunchLog()
    defer { launches = nil }
    let graph = try CUDAGraph(
      card, keeping: { self.scratch.tensors }, owners: [kernels, gemm],
      flushed: { [unowned self] in self.flush() }
    ) {
      isCapturing = true
      body()
      isCapturing = false
    }
    graph.kernels = launches?.kernels(on: card) ?? []
    return graph
  }

  /// Names what the kernels of `body` compute together, for the log of a captured pass.
  func naming(_ work: @autoclosure () -> String, _ body: () -> Void) {
    guard launches != nil else { return body() }
    currentWork = work()
    body()
    currentWork = nil
  }

  /// Memory twice as large as the L2 cache.
  private func flush() -> (address: UnsafeMutableRawPointer, words: Int)? {
    if flushMemory == nil { flushMemory = try? MemoryChunk(card, bytes: 2 * card.facts.l2Bytes) }
    return flushMemory.map { ($0.address, $0.bytes / 4) }
  }
}
