import CCUDA

/// Two CUDA events in a stream, and the time between them.
final class DeviceClock {
  private let card: CUDACard
  private let first: Handle
  private let second: Handle

  init(_ card: CUDACard) throws(CUDAError) {
    self.card = card
    card.makeCurrent()
    var (first, second): (Handle, Handle) = (nil, nil)
    try card.check(card.driver.cuEventCreate(&first, 0), "making an event")
    do throws(CUDAError) {
      try card.check(card.driver.cuEventCreate(&second, 0), "making an event")
    } catch {
      _ = card.driver.cuEventDestroy_v2(first)
      throw error
    }
    self.first = first
    self.second = second
  }

  deinit {
    card.makeCurrent()
    _ = card.driver.cuEventDestroy_v2(first)
    _ = card.driver.cuEventDestroy_v2(second)
  }

  func start() throws(CUDAError) {
    try card.check(card.driver.cuEventRecord(first, card.stream), "marking a start")
  }

  func markEnd() throws(CUDAError) {
    try card.check(card.driver.cuEventRecord(second, card.stream), "marking an end")
  }

  /// The milliseconds between the events; waits for both.
  func milliseconds() throws(CUDAError) -> Float {
    try card.check(card.driver.cuEventSynchronize(second), "waiting for the card")
    var milliseconds: Float = 0
    try card.check(
      card.driver.cuEventElapsedTime(&milliseconds, first, second), "reading the card's clock")
    return milliseconds
  }

  func stop() throws(CUDAError) -> Float {
    try markEnd()
    return try milliseconds()
  }
}
