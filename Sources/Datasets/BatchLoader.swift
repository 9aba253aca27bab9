import Foundation
import ImageCoding
import Records

/// Decodes ahead of the model on its own threads and returns batches in order.
///
/// At most `ahead + 1` batches are in memory: one in use by the caller, the others decoded or being
/// decoded. Several threads work on the same batch, so the first one is available soon. The order
/// and content of the batches do not depend on the threads.
package final class BatchLoader: Sendable {
  private let state: LoaderState

  /// Starts to decode the images `indices` of `dataset`; `nil` means all of them in order.
  ///
  /// Shapes: batches of `[batchSize][crop][crop][3]`, the last one smaller.
  package init(
    dataset: any ImageDataset, indices: [Int]? = nil, preprocessing: Preprocessing,
    batchSize: Int, threads: Int = BatchLoader.defaultThreads, ahead: Int = 2,
    onBadImage: BadImagePolicy = .stop
  ) {
    precondition(batchSize > 0 && threads > 0 && ahead > 0, "A loader has room to work in.")
    state = LoaderState(
      dataset: dataset, indices: indices ?? Array(0..<dataset.count),
      preprocessing: preprocessing, batchSize: batchSize, slots: ahead + 1,
      onBadImage: onBadImage)
    for _ in 0..<min(threads, max(1, state.indices.count)) {
      let thread = Thread { [state] in state.decode() }
      thread.name = "decode"
      thread.start()
    }
  }

  deinit { state.cancel() }

  /// The default number of decoding threads: one per core, at normal priority.
  ///
  /// With a model on the same two cores, one thread was slower, and a lower priority was no faster.
  package static var defaultThreads: Int { ProcessInfo.processInfo.activeProcessorCount }

  /// The maximum memory for decoded pixels, in bytes.
  package var bytesHeld: Int { state.bytesHeld }

  /// The next batch, or nil after the last one.
  ///
  /// Invalidates the previous batch. Only one thread may call it at a time. Throws
  /// `DatasetError.badImage` for a batch with a bad image if the loader stops at bad images, and
  /// `CancellationError` after ``cancel()``.
  package func next() throws -> ImageBatch? { try state.next() }

  /// Ends the decoding.
  ///
  /// A waiting ``next()`` throws at once. Any thread may call it.
  package func cancel() { state.cancel() }
}

/// The shared state of the decoding threads and the caller.
///
/// Everything mutable is guarded by `condition`, except the pixels in `buffers`: the pixels of an
/// image are written by the thread that claimed it, and read by the caller after that thread has
/// marked it as done.
private final class LoaderState: @unchecked Sendable {
  private struct Slot {
    var done = 0
    var bad: [Int: BadImage] = [:]
  }

  let indices: [Int]
  private let dataset: any ImageDataset
  private let preprocessing: Preprocessing
  private let batchSize: Int
  private let onBadImage: BadImagePolicy

  private let condition = NSCondition()
  private let buffers: [UnsafeMutableBufferPointer<UInt8>]
  private var slots: [Slot]
  private var claimed = 0
  private var handedOut = 0
  private var released = 0
  private var isCancelled = false

  init(
    dataset: any ImageDataset, indices: [Int], preprocessing: Preprocessing, batchSize: Int,
    slots: Int, onBadImage: BadImagePolicy
  ) {
    self.dataset = dataset
    self.indices = indices
    self.preprocessing = preprocessing
    self.batchSize = batchSize
    self.onBadImage = onBadImage
    let batches = (indices.count + batchSize - 1) / batchSize
    let held = min(slots, max(1, batches))
    self.slots = Array(repeating: Slot(), count: held)
    let capacity = min(batchSize, indices.count) * preprocessing.elementCount
    buffers = (0..<held).map { _ in .allocate(capacity: capacity) }
  }

  deinit { buffers.forEach { $0.deallocate() } }

  var bytesHeld: Int { buffers.reduce(0) { $0 + $1.count } }

  // MARK: Decoding threads

  func decode() {
    while let position = claim() {
      let index = indices[position]
      let slot = position / batchSize % buffers.count
      let numbers = preprocessing.elementCount
      let start = position % batchSize * numbers
      var bad: BadImage?
      do {
        try dataset.decode(
          at: index, preprocessing: preprocessing,
          into: UnsafeMutableBufferPointer(rebasing: buffers[slot][start..<(start + numbers)]))
      } catch {
        let reason = (error as? ImageError)?.reason ?? "cannot be decoded (\(error))"
        bad = BadImage(index: index, path: dataset.path(at: index), reason: reason)
      }
      condition.withLock {
        slots[slot].done += 1
        slots[slot].bad[position] = bad
        if slots[slot].done == size(ofBatch: position / batchSize) { condition.broadcast() }
      }
    }
  }

  private func claim() -> Int? {
    condition.withLock {
      while !isCancelled, claimed < indices.count, claimed / batchSize >= released + buffers.count {
        condition.wait()
      }
      guard !isCancelled, claimed < indices.count else { return nil }
      claimed += 1
      return claimed - 1
    }
  }

  // MARK: Caller

  func next() throws -> ImageBatch? {
    try condition.withLock {
      release()
      let first = handedOut * batchSize
      guard first < indices.count else { return nil }
      let slot = handedOut % buffers.count
      while !isCancelled, slots[slot].done < size(ofBatch: handedOut) { condition.wait() }
      if isCancelled { throw CancellationError() }
      handedOut += 1
      return try batch(first: first, slot: slot)
    }
  }

  func cancel() {
    condition.withLock {
      isCancelled = true
      condition.broadcast()
    }
  }

  /// Returns the slot of the batch that the caller has finished with to the threads.
  private func release() {
    guard released < handedOut else { return }
    let slot = released % buffers.count
    slots[slot].done = 0
    slots[slot].bad = [:]
    released += 1
    condition.broadcast()
  }

  private func size(ofBatch batch: Int) -> Int {
    min(batchSize, indices.count - batch * batchSize)
  }

  private func batch(first: Int, slot: Int) throws -> ImageBatch {
    let positions = first..<(first + size(ofBatch: first / batchSize))
    let bad = slots[slot].bad.sorted { $0.key < $1.key }.map(\.value)
    if onBadImage == .stop, let worst = bad.first {
      isCancelled = true
      condition.broadcast()
      throw DatasetError.badImage(path: worst.path, reason: worst.reason)
    }
    let good = positions.filter { slots[slot].bad[$0] == nil }
    if !bad.isEmpty { closeGaps(of: good, first: first, slot: slot) }
    let kept = good.map { indices[$0] }
    return ImageBatch(
      firstIndex: first, indices: kept, labels: kept.map(dataset.label(at:)),
      pixels: UnsafeMutableBufferPointer(
        rebasing: buffers[slot][..<(kept.count * preprocessing.elementCount)]),
      bad: bad)
  }

  private func closeGaps(of good: [Int], first: Int, slot: Int) {
    guard let base = buffers[slot].baseAddress else { return }
    let size = preprocessing.elementCount
    for (place, position) in good.enumerated() where position - first != place {
      (base + place * size).update(from: base + (position - first) * size, count: size)
    }
  }
}
