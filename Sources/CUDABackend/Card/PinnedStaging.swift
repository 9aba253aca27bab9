import CCUDA

/// Two buffers of pinned host memory, through which all uploads to the GPU are copied.
///
/// On boards that share memory with the CPU, a copy from pageable memory may still read it after
/// the call returns; on others, it waits for the whole stream. Here, the host fills one buffer
/// while the GPU reads the other.
final class PinnedStaging {
  /// Large enough for the full bandwidth of the bus, and small enough to stay allocated.
  static let pieceBytes = 4 << 20

  private unowned let card: CUDACard
  private var pieces: [Piece] = []
  private var next = 0

  private struct Piece {
    let memory: UnsafeMutableRawPointer
    /// Recorded after the last copy from this buffer.
    let read: Handle
  }

  init(_ card: CUDACard) throws(CUDAError) {
    self.card = card
    for _ in 0..<2 {
      var memory: UnsafeMutableRawPointer?
      try card.check(
        card.driver.cuMemHostAlloc(&memory, Self.pieceBytes, 0), "allocating pinned memory")
      var event: Handle = nil
      let code = card.driver.cuEventCreate(&event, 0)
      guard code == 0, let memory else {
        if let memory { _ = card.driver.cuMemFreeHost(memory) }
        free(card.driver)
        try card.check(code, "making an event")
        return
      }
      pieces.append(Piece(memory: memory, read: event))
    }
  }

  func copy(
    from host: UnsafeRawPointer, to address: UnsafeMutableRawPointer, bytes: Int
  ) throws(CUDAError) {
    var done = 0
    while done < bytes {
      let count = min(Self.pieceBytes, bytes - done)
      let piece = pieces[next]
      next = 1 - next
      // An event that was never recorded counts as complete.
      try card.check(card.driver.cuEventSynchronize(piece.read), "waiting for the card")
      piece.memory.copyMemory(from: host + done, byteCount: count)
      try card.check(
        card.driver.cuMemcpyHtoDAsync_v2(
          (address + done).device, piece.memory, count, card.stream), "copying to the card")
      try card.check(card.driver.cuEventRecord(piece.read, card.stream), "marking a copy")
      done += count
    }
  }

  /// Frees the buffers after waiting for the copies from them.
  func free(_ driver: lab_cuda_driver) {
    for piece in pieces {
      _ = driver.cuEventSynchronize(piece.read)
      _ = driver.cuEventDestroy_v2(piece.read)
      _ = driver.cuMemFreeHost(piece.memory)
    }
    pieces = []
  }
}
