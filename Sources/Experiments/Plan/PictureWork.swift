import Foundation
import Synchronization

/// Processes each image of a data set on several threads.
enum PictureWork {
  /// The result for each of `count` images, in order.
  ///
  /// - Parameters:
  ///   - threads: How many work at once.
  ///   - progress: Told how many are done, at most once a second, from the first second on.
  ///   - tool: Creates the per-thread state.
  ///   - work: On the picture of an index.
  /// - Throws: `ExperimentsError.interrupted`.
  static func results<Tool, Value: Sendable>(
    count: Int, threads: Int, progress: @escaping @Sendable (Int) -> Void,
    tool: @Sendable () -> Tool, work: @Sendable (inout Tool, Int) -> Value
  ) throws -> [Value] {
    let claimed = Atomic<Int>(0)
    let done = Mutex((results: [Value?](repeating: nil, count: count), count: 0))
    let lastReport = Mutex(Date())
    DispatchQueue.concurrentPerform(iterations: min(count, threads)) { _ in
      var own = tool()
      while !StopSignal.isRequested {
        let index = claimed.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        let result = work(&own, index)
        let finished = done.withLock { state in
          state.results[index] = result
          state.count += 1
          return state.count
        }
        let isDue = lastReport.withLock { last in
          guard -last.timeIntervalSinceNow >= 1 else { return false }
          last = Date()
          return true
        }
        if isDue { progress(finished) }
      }
    }
    if StopSignal.isRequested { throw ExperimentsError.interrupted }
    return done.withLock { $0.results.compactMap { $0 } }
  }
}
