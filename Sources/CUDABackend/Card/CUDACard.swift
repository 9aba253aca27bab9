import CCUDA
import Foundation
import Records
import Tensors

/// One GPU: its context, one stream for all work, its memory, and its first error.
///
/// It must not be used from two threads at once.
package final class CUDACard {
  package let facts: CardFacts
  package let libraries: CUDALibraries
  let stream: Handle
  private let device: Int32
  private let context: Handle
  private var management: Management?
  /// The clocks of a Jetson board, whose GPU NVML does not support.
  private var board: JetsonBoard?
  private var pinned: PinnedStaging?
  /// Bytes that are allocated now, and their maximum since the last reset.
  private(set) var allocatedBytes = 0
  private(set) var peakBytes = 0
  /// The first error that was not thrown yet; nothing is enqueued while there is one.
  private(set) var failure: CUDAError?
  /// Whether the driver will refuse everything from now on.
  private(set) var isBroken = false

  /// Whether a kernel may start before the previous one has finished (programmatic dependent
  /// launch): from compute capability 9.0 on, with drivers for CUDA 12.3 or newer, unless the
  /// environment has `LAB_CUDA_OVERLAP=0`.
  let overlapsKernels: Bool

  var driver: lab_cuda_driver { libraries.driver.pointee }

  /// Opens a GPU.
  ///
  /// - Throws: `CUDAError`.
  package init(_ libraries: CUDALibraries, index: Int) throws(CUDAError) {
    let cards = try CardFacts.all(libraries)
    guard cards.indices.contains(index) else {
      throw .noSuchCard(index: index, found: cards.map(\.name))
    }
    self.libraries = libraries
    let facts = cards[index]
    self.facts = facts
    func check(_ code: Int32, _ operation: String) throws(CUDAError) {
      guard code != 0 else { return }
      let reason = CUDALibraries.text(libraries.driver, code)
      throw .call(
        operation: operation, card: Self.title(facts), code: reason.code, reason: reason.text)
    }
    let driver = libraries.driver.pointee
    var device: Int32 = 0
    try check(driver.cuDeviceGet(&device, Int32(index)), "opening the card")
    var context: Handle = nil
    try check(driver.cuDevicePrimaryCtxRetain(&context, device), "making a context")
    var stream: Handle = nil
    do throws(CUDAError) {
      try check(driver.cuCtxSetCurrent(context), "taking the context")
      try check(
        driver.cuStreamCreate(&stream, UInt32(LAB_CUDA_STREAM_NON_BLOCKING)), "making a stream")
    } catch {
      _ = driver.cuDevicePrimaryCtxRelease_v2(device)
      throw error
    }
    self.device = device
    self.context = context
    self.stream = stream
    overlapsKernels =
      facts.major >= 9 && libraries.driverVersion >= 12030 && driver.cuLaunchKernelEx != nil
      && ProcessInfo.processInfo.environment["LAB_CUDA_OVERLAP"] != "0"
    management = Management(libraries.management(), bus: facts.bus)
    board = management == nil && facts.isIntegrated ? JetsonBoard() : nil
  }

  deinit {
    _ = driver.cuCtxSetCurrent(context)
    pinned?.free(driver)
    _ = driver.cuStreamDestroy_v2(stream)
    _ = driver.cuDevicePrimaryCtxRelease_v2(device)
  }

  private static func title(_ facts: CardFacts) -> String { "cuda:\(facts.index) (\(facts.name))" }

  /// The GPU's name in messages.
  package var title: String { Self.title(facts) }

  /// The version of NVIDIA's driver and the CUDA version that it runs.
  package var driverDescription: String {
    let cuda = "CUDA \(CUDALibraries.version(libraries.driverVersion))"
    return management?.driverVersion.map { "NVIDIA \($0), \(cuda)" } ?? cuda
  }

  /// Clocks and temperature, or `nil` if they are not available.
  package func state() -> GPUState? { management?.state() ?? board?.state() }

  // MARK: Failures

  /// - Throws: `CUDAError.call` with the driver's code and message.
  func check(_ code: Int32, _ operation: String) throws(CUDAError) {
    guard code != 0 else { return }
    let reason = CUDALibraries.text(libraries.driver, code)
    if Self.isSticky(code) || isGone() { isBroken = true }
    throw .call(operation: operation, card: title, code: reason.code, reason: reason.text)
  }

  /// Whether every later call returns the same code, because the context is lost.
  ///
  /// Source: the descriptions of `CUresult` in the CUDA driver API ("the process must be terminated
  /// and relaunched").
  static func isSticky(_ code: Int32) -> Bool {
    [
      LAB_CUDA_ECC_UNCORRECTABLE, LAB_CUDA_NVLINK_UNCORRECTABLE, LAB_CUDA_CONTAINED,
      LAB_CUDA_ILLEGAL_ADDRESS, LAB_CUDA_LAUNCH_TIMEOUT, LAB_CUDA_CONTEXT_IS_DESTROYED,
      LAB_CUDA_ASSERT, LAB_CUDA_HARDWARE_STACK_ERROR, LAB_CUDA_ILLEGAL_INSTRUCTION,
      LAB_CUDA_MISALIGNED_ADDRESS, LAB_CUDA_INVALID_ADDRESS_SPACE, LAB_CUDA_INVALID_PC,
      LAB_CUDA_LAUNCH_FAILED, LAB_CUDA_TENSOR_MEMORY_LEAK, LAB_CUDA_UNKNOWN,
    ].contains { $0.code == code }
  }

  /// Whether even a query of free memory fails, which needs nothing but a working context.
  private func isGone() -> Bool {
    var (free, total) = (0, 0)
    return driver.cuMemGetInfo_v2(&free, &total) != 0
  }

  /// Runs `body` unless the GPU has failed, and stores its error for `takeFailure`.
  func attempt(_ body: () throws(CUDAError) -> Void) {
    guard failure == nil else { return }
    do throws(CUDAError) {
      makeCurrent()
      try body()
    } catch {
      failure = error
    }
  }

  /// Stores an error for `takeFailure`.
  func fail(_ operation: String, _ error: any Error) {
    guard failure == nil else { return }
    failure =
      error as? CUDAError
      ?? .call(
        operation: operation, card: title, code: "an error", reason: String(describing: error))
  }

  /// Throws the stored error; a lost GPU throws every time.
  func takeFailure() throws(CUDAError) {
    guard let failure else { return }
    if !isBroken { self.failure = nil }
    throw failure
  }

  /// Makes the context current, because contexts are per thread and a task may continue on another
  /// thread.
  func makeCurrent() { _ = driver.cuCtxSetCurrent(context) }

  func synchronize() {
    attempt { () throws(CUDAError) in
      try check(driver.cuStreamSynchronize(stream), "waiting for the card")
    }
  }

  // MARK: Memory

  /// The free and the total memory of the GPU, in bytes.
  func memory() -> (free: Int, total: Int) {
    makeCurrent()
    var (free, total) = (0, 0)
    _ = driver.cuMemGetInfo_v2(&free, &total)
    // The driver does not count memory that the system can reclaim, such as file caches.
    if facts.isIntegrated, let available = JetsonBoard.availableBytes() {
      free = min(total, max(free, available))
    }
    return (free, total)
  }

  /// - Throws: `TensorsError.doesNotFit`, `.deviceFailed`.
  func allocate(bytes: Int) throws(TensorsError) -> UnsafeMutableRawPointer {
    if let failure { throw .deviceFailed(failure.description) }
    makeCurrent()
    var address: lab_device_address = 0
    let code = driver.cuMemAlloc_v2(&address, bytes)
    guard code == 0, let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address)) else {
      guard code == LAB_CUDA_OUT_OF_MEMORY.code || code == 0 else {
        let reason = CUDALibraries.text(libraries.driver, code)
        let error = CUDAError.call(
          operation: "allocating memory", card: title, code: reason.code, reason: reason.text)
        throw .deviceFailed(error.description)
      }
      let memory = memory()
      throw .doesNotFit(needed: bytes, free: memory.free, total: memory.total, device: title)
    }
    allocatedBytes += bytes
    peakBytes = max(peakBytes, allocatedBytes)
    return pointer
  }

  func free(_ address: UnsafeMutableRawPointer, bytes: Int) {
    makeCurrent()
    // The driver waits for operations that still use the memory.
    _ = driver.cuMemFree_v2(address.device)
    allocatedBytes -= bytes
  }

  func resetPeak() { peakBytes = allocatedBytes }

  /// Copies through pinned memory; the host may change its values as soon as this returns.
  func copy(from host: UnsafeRawPointer, to address: UnsafeMutableRawPointer, bytes: Int) {
    guard bytes > 0 else { return }
    attempt { () throws(CUDAError) in
      if pinned == nil { pinned = try PinnedStaging(self) }
      try pinned?.copy(from: host, to: address, bytes: bytes)
    }
  }

  /// Copies to the host and waits until the values are there.
  func copy(from address: UnsafeMutableRawPointer, to host: UnsafeMutableRawPointer, bytes: Int) {
    guard bytes > 0 else { return }
    attempt { () throws(CUDAError) in
      try check(
        driver.cuMemcpyDtoHAsync_v2(host, address.device, bytes, stream), "copying from the card")
      try check(driver.cuStreamSynchronize(stream), "waiting for the card")
    }
  }
}

extension UnsafeMutableRawPointer {
  /// The same address as the driver's functions take it.
  var device: lab_device_address { lab_device_address(UInt(bitPattern: self)) }
}
