import CKernels
import Tensors

/// Work on one image whose items several threads may do in any order.
///
/// A struct and not a closure, because a closure that crosses into C is copied to the heap, and a
/// forward pass must not allocate. `image.share(work) { Work.enter($0, $1) }` does it.
protocol ImageWork {
  var image: ImageStep { get }
  var items: Int { get }
  /// The number of items that a thread takes at a time.
  var grain: Int { get }
  func run(_ items: Range<Int>)
}

extension ImageWork {
  static func enter(_ context: UnsafeMutableRawPointer?, _ worker: Int32) {
    guard let work = context?.assumingMemoryBound(to: Self.self).pointee,
      let pool = work.image.workers.pool
    else { return }
    let (items, grain) = (work.items, work.grain)
    let pieces = (items + grain - 1) / grain
    while case let piece = lab_pool_take(pool, worker, pieces), piece < pieces {
      work.run((piece * grain)..<min(items, (piece + 1) * grain))
    }
  }
}

extension ImageStep {
  /// Does the work, with the other threads if there are more items than one thread takes at a time.
  func share<Work: ImageWork>(
    _ work: Work, _ body: @convention(c) (UnsafeMutableRawPointer?, Int32) -> Void
  ) {
    guard let pool = workers.pool, work.items > work.grain else {
      return work.run(0..<work.items)
    }
    var work = work
    withUnsafeMutablePointer(to: &work) { lab_pool_run(pool, body, $0) }
  }
}
