import CCUDA
import Records
import Tensors

/// One forward pass as one graph, which the GPU runs without the host launching each kernel.
final class CUDAGraph: CapturedPass {
  private let card: CUDACard
  private let executable: Handle
  private let clock: DeviceClock
  /// Scratch memory that the kernels use, kept alive because the backend may replace it.
  private let memory: [Tensor]
  /// The owner of the kernels and the workspace that its nodes use.
  private let owners: [AnyObject]
  /// The memory that is overwritten to flush the level-2 cache.
  private let flushed: () -> (address: UnsafeMutableRawPointer, words: Int)?
  var kernels: [KernelLaunch] = []

  /// Captures what `body` enqueues.
  ///
  /// - Throws: `CUDAError`.
  init(
    _ card: CUDACard, keeping memory: () -> [Tensor] = { [] }, owners: [AnyObject] = [],
    flushed: @escaping () -> (address: UnsafeMutableRawPointer, words: Int)? = { nil },
    _ body: () -> Void
  ) throws(CUDAError) {
    try card.takeFailure()
    card.makeCurrent()
    let driver = card.driver
    let clock = try DeviceClock(card)
    try card.check(
      driver.cuStreamBeginCapture_v2(card.stream, LAB_CUDA_CAPTURE_THREAD_LOCAL.code),
      "starting a graph")
    body()
    var graph: Handle = nil
    let ended = driver.cuStreamEndCapture(card.stream, &graph)
    defer { if graph != nil { _ = driver.cuGraphDestroy(graph) } }
    // A kernel's error is more informative than the invalid capture.
    try card.takeFailure()
    try card.check(ended, "ending a graph")
    executable = try Self.instantiate(graph, card)
    self.card = card
    self.clock = clock
    self.memory = memory()
    self.owners = owners
    self.flushed = flushed
  }

  private static func instantiate(
    _ graph: Handle, _ card: CUDACard
  ) throws(CUDAError) -> Handle {
    var executable: Handle = nil
    if let make = card.driver.cuGraphInstantiateWithFlags {
      try card.check(make(&executable, graph, 0), "making a graph")
    } else if let make = card.driver.cuGraphInstantiate_v2 {
      try card.check(make(&executable, graph, nil, nil, 0), "making a graph")
    } else {
      throw .missingSymbol(
        library: .driver, path: card.libraries.paths[.driver] ?? "",
        symbol: "cuGraphInstantiateWithFlags")
    }
    return executable
  }

  deinit {
    card.makeCurrent()
    _ = card.driver.cuGraphExecDestroy(executable)
  }

  func replay() {
    card.attempt { () throws(CUDAError) in
      try card.check(card.driver.cuGraphLaunch(executable, card.stream), "starting a pass")
    }
  }

  func emptyCache() {
    card.attempt { () throws(CUDAError) in
      guard let (address, words) = flushed() else { return }
      try card.check(
        card.driver.cuMemsetD32Async(address.device, 0, words, card.stream), "emptying the cache")
      try card.check(card.driver.cuStreamSynchronize(card.stream), "waiting for the card")
    }
  }

  func replayTimed() {
    card.attempt { () throws(CUDAError) in
      try clock.start()
      try card.check(card.driver.cuGraphLaunch(executable, card.stream), "starting a pass")
      try clock.markEnd()
    }
  }

  func deviceTime() -> Duration? {
    var time: Duration?
    card.attempt { () throws(CUDAError) in time = Self.duration(try clock.milliseconds()) }
    return time
  }

  func deviceTime(replays: Int) -> Duration? {
    var time: Duration?
    card.attempt { () throws(CUDAError) in
      try clock.start()
      for _ in 0..<replays {
        try card.check(card.driver.cuGraphLaunch(executable, card.stream), "starting a pass")
      }
      time = Self.duration(try clock.stop() / Float(replays))
    }
    return time
  }

  private static func duration(_ milliseconds: Float) -> Duration {
    .nanoseconds(Int64((Double(milliseconds) * 1e6).rounded()))
  }
}
